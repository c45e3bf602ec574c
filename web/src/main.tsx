import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./app/app.css";

import { createTheme, DEFAULT_THEME, type MantineColorsTuple, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { queries } from "./api/client";
import { router } from "./app/routes";
import { preferred, speak } from "./i18n";

// Shades that keep 4.5:1 against the page in both colour schemes, as WCAG 2.2 asks (1.4.3).
const darkest = (colors: MantineColorsTuple, shade: string) => [...colors.slice(0, 9), shade] as unknown as MantineColorsTuple;

const theme = createTheme({
  colors: { green: darkest(DEFAULT_THEME.colors.green, "#237032"), orange: darkest(DEFAULT_THEME.colors.orange, "#a8400b") },
  primaryColor: "cyan",
  primaryShade: 9,
  // Links are told from the words around them by more than their color (1.4.1), and are as large as these.
  components: {
    Anchor: { defaultProps: { underline: "always", inherit: true } },
    // The page has one banner; the head of a dialog is none, though it is a header as well.
    Modal: { defaultProps: { attributes: { header: { role: "presentation" } } } },
    Drawer: { defaultProps: { attributes: { header: { role: "presentation" } } } },
  },
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
});

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");

await speak(preferred());
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <Notifications position="bottom-right" />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);

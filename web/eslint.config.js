import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist", "public", "scripts", "src/api/schema.d.ts", "eslint.config.js"] },
  typescript.configs.strictTypeChecked,
  hooks.configs.flat["recommended-latest"],
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // The router's way to go elsewhere is to throw it.
      "@typescript-eslint/only-throw-error": "off",
      "no-console": "error",
      "no-restricted-globals": ["error", { name: "fetch", message: "Ask through src/api/client.ts." }],
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Nothing that people wrote becomes HTML." },
      ],
    },
  },
);

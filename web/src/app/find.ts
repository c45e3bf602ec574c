import { useDebouncedCallback } from "@mantine/hooks";
import { useRouter } from "@tanstack/react-router";

const typing = 300; // ms after the last letter until it is searched for

/**
 * Searches a moment after the last letter. Whoever has followed a link by then stays on the way there: a search, which
 * changes the address, would lead back.
 */
export function useFind<Given>(search: (given: Given) => void): (given: Given) => void {
  const router = useRouter();
  return useDebouncedCallback((given: Given) => {
    if (router.latestLocation.pathname === router.state.resolvedLocation?.pathname) search(given);
  }, typing);
}

import { useEffect, useState } from "react";

/** What a link carries behind the #, which no server and no other site sees. It is taken out of the address at once. */
export function useToken(): string {
  const [token] = useState(() => decodeURIComponent(window.location.hash.slice(1)));
  useEffect(() => {
    if (window.location.hash) window.history.replaceState(window.history.state, "", window.location.pathname);
  }, []);
  return token;
}

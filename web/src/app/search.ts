/** Takes texts out of what stands behind the ? of an address; whatever else stands there is left out. */
export function text<K extends string>(given: Record<string, unknown>, ...keys: K[]): { [key in K]?: string | undefined } {
  const taken: { [key in K]?: string | undefined } = {};
  for (const key of keys) {
    const value = given[key];
    // The router reads numbers as such.
    if ((typeof value === "string" && value !== "") || typeof value === "number") taken[key] = String(value);
  }
  return taken;
}

/** Takes a rule out of what stands behind the ? of an address, where the router has read it as JSON. */
export function rule(given: Record<string, unknown>): { rule?: Readonly<Record<string, unknown>> } {
  const value = given["rule"];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { rule: value as Readonly<Record<string, unknown>> } : {};
}

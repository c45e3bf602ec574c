/** Reports whether a value says nothing. */
export const isEmpty = (value: unknown) => value === null || value === undefined || value === false || value === "" || (Array.isArray(value) && value.length === 0);

/** Leaves out what says nothing. */
export function said<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => !isEmpty(value))) as T;
}

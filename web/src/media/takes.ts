import type { Schema } from "@/api/client";

type Limit = Schema<"FileLimit">;

/** The largest of each type of file that a provider takes for a kind of address, in bytes; one for all types that have the same. */
export function takes(can: Pick<Schema<"Capabilities">, "files">, address: string): { sort: Limit["type"] | "any"; bytes: number }[] {
  const limits = (can.files ?? []).flatMap((limit) =>
    limit.max_bytes !== undefined && (!limit.address || limit.address === address) ? [{ sort: limit.type, bytes: limit.max_bytes }] : [],
  );
  const [first] = limits;
  if (first && limits.length === 5 && limits.every(({ bytes }) => bytes === first.bytes)) return [{ sort: "any", bytes: first.bytes }];
  return limits;
}

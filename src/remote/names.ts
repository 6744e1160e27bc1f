/** Names of images as an engine elsewhere writes and reads them. Pure. */
import { registryName } from "../api/docker/names.ts";
import type { Peer } from "./client.ts";

/** A whole name: Docker's own leave out its Hub; what is no name at all stays as it is. */
export function fullNames({ kind }: Peer): (name: string) => string {
  if (kind !== "docker") return (name) => name;
  return (name) => {
    try {
      return registryName(name);
    } catch {
      return name; // whatever it is, it is only shown
    }
  };
}

/** `key=value` texts as the API takes them; undefined for none. */
export function filtersText(filters: readonly string[]): string | undefined {
  if (filters.length === 0) return undefined;
  const map: Record<string, string[]> = {};
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    const key = equals < 0 ? filter : filter.slice(0, equals);
    map[key] = [...(map[key] ?? []), equals < 0 ? "" : filter.slice(equals + 1)];
  }
  return JSON.stringify(map);
}

/** Which version of libpod's API is spoken, and how a path names it. Pure. */

/** The newest that is spoken, as `Libpod-API-Version` says it. */
export const libpodVersion = "5.5.0";
/** Clients that are older than this need another server. */
export const oldestLibpodVersion = "4.0.0";

/** 4.3 is 4003: what a route and its handler compare. */
const asNumber = (major: string, minor: string) => Number(major) * 1000 + Number(minor);

const newest = 5005;

/**
 * `/v4.3.1/libpod/info`, or `/libpod/info`, which means the newest version; undefined: it is of another
 * API. Any version is taken, as Podman does: clients compare the one that the server says.
 */
export function splitLibpodPath(path: string): { version: number; rest: string } | undefined {
  const match = /^(?:\/v(\d{1,3})(?:\.(\d{1,3}))?[0-9A-Za-z.-]*)?\/libpod(\/.*)$/.exec(path);
  if (match === null) return undefined;
  const [, major, minor = "0", rest = ""] = match;
  return { version: major === undefined ? newest : asNumber(major, minor), rest };
}

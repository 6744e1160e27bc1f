/** Points in time as users write them in filters. */
import { CooperError } from "./errors.ts";
import { parseDurationSeconds } from "./option.ts";

/** `2024-05-17T10:00:00Z`, seconds since 1970, or a duration back from now. Result in ms since 1970. */
export function parseMoment(text: string, now = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  try {
    return now - parseDurationSeconds(text) * 1000;
  } catch (cause) {
    throw new CooperError("invalid-argument", `"${text}" is neither a time nor a duration`, {
      hint: "write 2024-05-17T10:00:00Z, seconds since 1970, or 10m",
      cause,
    });
  }
}

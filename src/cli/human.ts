/** Sizes and times as people read them, in the words of docker and podman (docker/go-units). */
import { significant } from "./template/round.ts";

const decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/** A size to base 1000 with up to `digits` significant digits, as docker prints it: `13.26kB`. */
export function humanSize(bytes: number, digits = 4): string {
  return scaled(bytes, 1000, decimalUnits, digits).join("");
}

/** A size as podman prints it for images: three digits and a space, `13.3 kB`. */
export function imageSize(bytes: number): string {
  return scaled(bytes, 1000, decimalUnits, 3).join(" ");
}

/** A size to base 1024, as `stats` prints it: `1.5GiB`. */
export function bytesSize(bytes: number, digits = 4): string {
  return scaled(bytes, 1024, binaryUnits, digits).join("");
}

function scaled(
  bytes: number,
  base: number,
  units: readonly string[],
  digits: number,
): [number: string, unit: string] {
  let size = bytes;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  // As %g does, but without its exponent: go-units says 1e+03kB.
  return [String(significant(size, digits)), units[unit] ?? "B"];
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** A length of time by its largest unit, rounded as go-units does: `About an hour`, `3 weeks`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / second);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(milliseconds / minute);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / hour + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 7 * 2) return `${days} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(days / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(Math.trunc(milliseconds / hour) / 24 / 365)} years`;
}

/** How long ago `then` was, both in milliseconds since 1970: `4 minutes ago`. */
export function humanAge(then: number, now: number): string {
  return `${humanDuration(now - then)} ago`;
}

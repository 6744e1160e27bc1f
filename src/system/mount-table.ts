/** What is mounted where (proc(5), /proc/PID/mountinfo). Its size grows with use: not for the run path. */
import { readFileSync } from "node:fs";

/** Mount points at or below a directory, the deepest first. */
export function mountsBelow(directory: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const point = line.split(" ")[4];
      return point === undefined ? [] : [unescaped(point)];
    })
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .reverse();
}

/** Space, tab, newline and backslash are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** Which commands a busybox holds, read out of its bytes: running it would cost a process and a file. */

/** What every build has that is worth an image; for one whose list is not found. */
const essential = [
  "cat",
  "chmod",
  "chown",
  "cp",
  "cut",
  "date",
  "dd",
  "df",
  "echo",
  "env",
  "false",
  "find",
  "grep",
  "head",
  "hostname",
  "id",
  "ip",
  "kill",
  "ls",
  "mkdir",
  "mount",
  "mv",
  "nc",
  "ping",
  "printf",
  "ps",
  "pwd",
  "rm",
  "sed",
  "sh",
  "sleep",
  "sort",
  "stat",
  "tail",
  "tar",
  "test",
  "top",
  "touch",
  "tr",
  "true",
  "tty",
  "umount",
  "uname",
  "vi",
  "wc",
  "wget",
  "yes",
];

/**
 * Names of the applets besides busybox itself. They stand in the binary in alphabetical order, each with a
 * NUL behind it (busybox, include/applet_tables.h); the first is `[`.
 */
export function applets(bytes: Buffer): string[] {
  const start = bytes.indexOf("\0[\0[[\0", 0, "latin1");
  const names: string[] = [];
  for (let at = start + 1; start >= 0 && names.length < 1000; ) {
    const end = bytes.indexOf(0, at);
    const name = bytes.toString("latin1", at, end);
    if (!/^[a-z[][a-z0-9_.+[-]{0,30}$/.test(name) || name <= (names.at(-1) ?? "")) break;
    names.push(name);
    at = end + 1;
  }
  const found = names.includes("sh") && names.includes("cat") ? names : essential;
  return found.filter((name) => name !== "busybox");
}

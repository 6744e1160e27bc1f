/** What lines of output name: paths, and programs that were not found. */
import { posix } from "node:path";

/** At most so many are looked at: lines come from strangers. */
const most = 8;

/** Absolute paths, and relative ones where a program complains of them; the newest first. */
export function pathsIn(lines: readonly string[], workdir: string): string[] {
  const found = new Set<string>();
  for (const line of lines.toReversed()) {
    for (const [, text = ""] of line.matchAll(/(?:^|[\s'"`‘“(:=])(\/[\w.@%+,~/-]*[\w@%+~-])/g))
      found.add(posix.normalize(text));
    const complaint =
      /(?:^|[\s'"`‘(:])((?:\.{0,2}\/)?[\w@%+.~-][\w.@%+~/-]*)['"`’)]?: (?:permission denied|no such file|read-only|no space|cannot|is a directory)/i.exec(
        line,
      );
    const name = complaint?.[1];
    if (name !== undefined && !name.startsWith("/")) found.add(posix.resolve(workdir, name));
    if (found.size >= most) break;
  }
  // where files are to be made, their directory counts
  return [...found]
    .slice(0, most)
    .flatMap((path) => [path, posix.dirname(path)])
    .filter((path, at, all) => all.indexOf(path) === at);
}

const notFound = [
  /(?:^|: )(?:line \d+: |\d+: )?([\w.+-]+): (?:command )?not found$/i,
  /(?:^|[\s/])env: (?:can't execute )?[‘'"`]?([\w.+/-]+)['’"`]?: No such file or directory/i,
  /(?:executable file not found in \$PATH|command not found): ?["']?([\w.+-]+)/i,
  /exec: "?([\w.+-]+)"?: (?:executable file )?not found/i,
  /(?:^|\s)([\w.+-]+): applet not found/i,
];

/** Names of programs that lines say are missing, the newest first. */
export function programsIn(lines: readonly string[]): string[] {
  const found = lines.toReversed().flatMap((line) => {
    const name = notFound
      .map((pattern) => pattern.exec(line)?.[1])
      .find((one) => one !== undefined);
    return name === undefined ? [] : [name];
  });
  return [...new Set(found)].slice(0, 3);
}

/** `--chmod`: an octal number, or changes by letters (chmod(1)): `u+x`, `go-w`, `a=rX`. */

/** What a mode becomes. Bits of the kind of file are not part of it. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

/** @throws Error that says what is wrong */
export function parseChmod(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = Number.parseInt(text, 8);
    if (mode > 0o7777) throw new Error(`invalid chmod parameter: ${text}`);
    return () => mode;
  }
  const changes = text.split(",").map((clause) => parseClause(clause, text));
  return (mode, isDirectory) => changes.reduce((now, change) => change(now, isDirectory), mode);
}

const whoBits: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 };

function parseClause(clause: string, text: string): ModeChange {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
  if (match === null) throw new Error(`invalid chmod parameter: ${text}`);
  const who = match[1] === "" ? "a" : (match[1] ?? "a");
  const mask = [...who].reduce((bits, letter) => bits | (whoBits[letter] ?? 0), 0);
  const actions = [...(match[2] ?? "").matchAll(/([-+=])([rwxXstugo]*)/g)];
  return (mode, isDirectory) =>
    actions.reduce((now, [, operator, letters = ""]) => {
      const bits = bitsOf(letters, now, isDirectory) & mask;
      if (operator === "+") return now | bits;
      return operator === "-" ? now & ~bits : (now & ~(mask & 0o777)) | bits;
    }, mode);
}

function bitsOf(letters: string, mode: number, isDirectory: boolean): number {
  const three = (bits: number) => bits * 0o111;
  let bits = 0;
  for (const letter of letters) {
    if (letter === "r") bits |= 0o444;
    else if (letter === "w") bits |= 0o222;
    else if (letter === "x" || (letter === "X" && (isDirectory || (mode & 0o111) !== 0)))
      bits |= 0o111;
    else if (letter === "s") bits |= 0o6000;
    else if (letter === "t") bits |= 0o1000;
    else if (letter === "u") bits |= three((mode >> 6) & 7);
    else if (letter === "g") bits |= three((mode >> 3) & 7);
    else if (letter === "o") bits |= three(mode & 7);
  }
  return bits;
}

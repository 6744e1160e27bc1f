import { expect, test } from "bun:test";
import { parseChmod } from "./chmod.ts";

test.each([
  ["755", 0o644, 0o755],
  ["0600", 0o644, 0o600],
  ["4755", 0o644, 0o4755],
  ["u+x", 0o644, 0o744],
  ["+x", 0o644, 0o755],
  ["go-rwx", 0o755, 0o700],
  ["a=r", 0o755, 0o444],
  ["u=rwx,go=rx", 0o600, 0o755],
  ["a+X", 0o644, 0o644],
  ["a+X", 0o744, 0o755],
  ["g=u", 0o640, 0o660],
  ["u+s", 0o755, 0o4755],
  ["+t", 0o755, 0o1755],
  ["u+x-w", 0o644, 0o544],
])("parseChmod(%s) of %o is %o", (text, before, after) => {
  expect(parseChmod(text)(before, false)).toBe(after);
});

test("X is for directories too", () => {
  expect(parseChmod("go=rX")(0o600, true)).toBe(0o655);
});

test.each(["", "8", "99999", "x+u", "u+q", "u", "rwx", "77777"])(
  "parseChmod(%j) is refused",
  (text) => {
    expect(() => parseChmod(text)).toThrow("invalid chmod parameter");
  },
);

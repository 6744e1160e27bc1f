/** Text of strangers on its way to a terminal. */

/**
 * The text with everything escaped that would command a terminal or reorder its line: control
 * characters (C0, DEL, C1), line separators and overrides of the writing direction.
 */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.charCodeAt(0);
    if (char === "\t") return char; // helpers indent with it
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** Lists of `KEY=VALUE` on the command line. */
import { CooperError } from "../errors.ts";

/** `KEY=VALUE` each; a key alone has an empty value. */
export function pairs(texts: readonly string[], what: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf("=");
      if (equals === 0 || text === "")
        throw new CooperError("invalid-argument", `invalid ${what} "${text}": it has no name`);
      return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

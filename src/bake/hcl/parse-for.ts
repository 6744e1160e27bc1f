/** The head of `for`, which expressions and templates share. */
import type { Scanner } from "./scanner.ts";
import type { ForClause } from "./syntax.ts";

/** `for key, value in collection :`, behind the `for`. */
export function forHead(from: Scanner, ends = ":"): Omit<ForClause, "condition"> {
  from.skip();
  const first = from.identifier();
  from.skip();
  const hasTwo = from.takes(",");
  from.skip();
  const second = hasTwo ? from.identifier() : undefined;
  from.skip();
  const valueName = second ?? first;
  if (first === undefined || valueName === undefined || !from.word("in"))
    throw from.error("expected: for NAME in COLLECTION");
  const collection = from.expression();
  from.skip();
  if (ends !== "") from.expect(ends, "behind the collection");
  return { keyName: second === undefined ? null : first, valueName, collection };
}

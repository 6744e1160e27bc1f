import { describe, expect, test } from "bun:test";
import { encode, Message, mapFields } from "./protobuf.ts";

describe("encode() and Message", () => {
  test("fields come back, and zero values take no room", () => {
    const bytes = encode(
      [1, "text"],
      [2, 300],
      [3, true],
      [4, encode([1, "inner"])],
      [5, "one"],
      [5, "two"],
      [6, -1],
      [7, 1_700_000_000_123_456_789n],
      [8, ""],
      [9, 0],
      [10, false],
      ...mapFields(11, { a: "b", c: "" }),
    );
    const message = new Message(bytes);
    expect(message.string(1)).toBe("text");
    expect(message.number(2)).toBe(300);
    expect(message.boolean(3)).toBe(true);
    expect(message.message(4)?.string(1)).toBe("inner");
    expect(message.strings(5)).toEqual(["one", "two"]);
    expect(message.number(6)).toBe(-1);
    expect(message.big(7)).toBe(1_700_000_000_123_456_789n);
    expect(() => message.number(7)).toThrow("malformed");
    expect([message.string(8), message.number(9), message.boolean(10)]).toEqual(["", 0, false]);
    expect(message.map(11)).toEqual({ a: "b", c: "" });
    expect(message.message(12)).toBeUndefined();
    expect(encode([9, 0], [10, false])).toHaveLength(0);
  });

  test("as the encoding's own documentation has it", () => {
    expect(encode([1, 150]).toString("hex")).toBe("089601");
    expect(encode([2, "testing"]).toString("hex")).toBe("120774657374696e67");
  });

  test.each([
    ["a length that is not there", "0a05616263"],
    ["a number without an end", "08ffffffffffffffffffff01"],
    ["cut in a number", "0880"],
    ["a group, which nobody sends", "0b"],
    ["a length without bounds", "0affffffffffffffffff01"],
  ])("refuses %s", (_, hex) => {
    expect(() => new Message(Buffer.from(hex, "hex"))).toThrow("malformed message");
  });
});

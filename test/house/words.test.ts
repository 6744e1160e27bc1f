import { describe, expect, test } from "bun:test";
import { isProduct, sources } from "./source.ts";

const product = sources("src/**/*.ts").filter(isProduct);
const ours = [...sources("{src,test,bench}/**/*.ts"), ...sources("*.md"), ...sources("docs/*.md")];

const where = (needle: RegExp, among: typeof ours) =>
  among.flatMap(({ path, text }) =>
    text
      .split("\n")
      .flatMap((line, at) => (needle.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
  );

describe("words", () => {
  test("every file of the product opens by saying what it is", () => {
    expect(
      product.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text)).map(({ path }) => path),
    ).toEqual([]);
  });

  test("exported functions, classes and commands say their purpose", () => {
    const silent = product.flatMap(({ path, text }) => {
      const lines = text.split("\n");
      return lines.flatMap((line, at) => {
        const name = /^export (?:async )?(?:function\*?|class|abstract class) (\w+)/.exec(
          line,
        )?.[1];
        return name !== undefined && !/\*\/\s*$/.test(lines[at - 1] ?? "")
          ? [`${path}: ${name}`]
          : [];
      });
    });
    expect(silent).toEqual([]);
  });

  test("files stay below 400 lines", () => {
    const isData = (path: string) => path === "src/container/spec.ts";
    const long = product
      .filter(({ path, text }) => !isData(path) && text.split("\n").length > 401)
      .map(({ path }) => path);
    expect(long).toEqual([]);
  });

  test.each([
    { title: "any", needle: /^(?! *(\/\*\*|\*|\/\/)).*(: any\b|<any>|as any\b)/ },
    { title: "what silences the compiler", needle: /@ts-(ignore|nocheck|expect-error)/ },
    { title: "default exports", needle: /^export default/ },
    {
      title: "rooms without a noun",
      needle: /from "[^"]*\/(utils?|helpers?|common|manager|service)(\/|\.ts)/,
    },
  ])("there is no $title", ({ needle }) => {
    expect(where(needle, product)).toEqual([]);
  });

  test("nothing names numbers of tickets, or was left to do", () => {
    const needle = new RegExp(
      ["\\(#\\d+\\)", "\\bissue #?\\d+", "\\b(TO" + "DO|FIX" + "ME|X" + "XX)\\b"].join("|"),
    );
    expect(where(needle, ours)).toEqual([]);
  });
});

import { describe, expect, test } from "bun:test";
import { again, shellWords, withoutValues } from "./words.ts";

test.each([
  { words: ["a", "b c"], text: "a 'b c'" },
  { words: ["it's"], text: "'it'\\''s'" },
  { words: ["$x", "`y`", ""], text: "'$x' '`y`' ''" },
  { words: ["-v", "/a:/b", "x=1"], text: "-v /a:/b x=1" },
])("shellWords() makes $text", ({ words, text }) => {
  expect(shellWords(words)).toBe(text);
});

describe("again()", () => {
  const container = (words: string, commandWords: number, isKept = true) => ({
    createCommand: words.split(" "),
    commandWords,
    isKept,
    name: "web",
  });

  test.each([
    {
      title: "adds options, and takes its place",
      words: "run -d --name web image sleep 1",
      count: 2,
      change: { options: ["--init"] },
      text: "cooper run --init --replace -d --name web image sleep 1",
    },
    {
      title: "gives the drawn name again",
      words: "--root /x container run image",
      count: 0,
      change: { options: ["--init"] },
      text: "cooper --root /x container run --init --name web --replace image",
    },
    {
      title: "leaves out what is said anew",
      words: "run --replace --name web --user=5 --user 6 image",
      count: 0,
      change: { options: ["--user", "0"], without: ["--user"] },
      text: "cooper run --user 0 --replace --name web image",
    },
    {
      title: "changes the command alone",
      words: "run --name web image slepp slepp",
      count: 2,
      change: { command: ["sleep", "slepp"] },
      text: "cooper run --replace --name web image sleep slepp",
    },
    {
      title: "makes nothing of what no command line made",
      words: "",
      count: 0,
      change: {},
      text: undefined,
    },
  ])("$title", ({ words, count, change, text }) => {
    expect(again(container(words, count), change)[0]).toBe(text as string);
  });

  test("starts what was only made", () => {
    expect(again(container("create --name web image", 0), {})).toEqual([
      "cooper create --replace --name web image",
      "cooper start web",
    ]);
  });

  test("replaces nothing that is gone", () => {
    expect(again(container("run --rm image", 0, false), {})).toEqual(["cooper run --rm image"]);
  });
});

test("withoutValues() keeps names alone", () => {
  const words = "run -e A=1 --env=B=2 --env C=3 -eD=4 --creds u:p --password=x image -e";
  expect(withoutValues(words.split(" ")).join(" ")).toBe(
    "run -e A --env=B --env C -eD --creds … --password=… image -e",
  );
});

import { expect, test } from "bun:test";
import { labelCommand } from "./label-command.ts";

const facts = {
  image: "registry.local:5000/team/web:1",
  name: null,
  args: [],
  env: { OPT1: "-d", HOME: "/secret" },
  directory: "/work",
};

/** A variable as a shell has it in braces. */
const braced = (name: string) => `\${${name}}`;

const rows: { text: string; words: string[] }[] = [
  {
    text: "podman run --name NAME IMAGE",
    words: ["run", "--name", "web", "registry.local:5000/team/web:1"],
  },
  {
    text: `/usr/bin/docker run -e NAME=NAME -e IMAGE=$IMAGE ${braced("OPT1")} ${braced("OPT2")} -v $PWD:/w $IMAGE`,
    words: [
      ...["run", "-e", "NAME=web", "-e", "IMAGE=registry.local:5000/team/web:1", "-d"],
      ...["-v", "/work:/w", "registry.local:5000/team/web:1"],
    ],
  },
  {
    text: `docker run IMAGE sh -c "echo 'a  b' \\"c\\"" 'x y'`,
    words: ["run", facts.image, "sh", "-c", `echo 'a  b' "c"`, "x y"],
  },
  { text: `podman run $HOME ${braced("UNKNOWN")} x`, words: ["run", "x"] },
];

test.each(rows)("labelCommand() reads $text", ({ text, words }) => {
  expect(labelCommand(text, facts)).toEqual(words);
});

test("labelCommand() takes a name and further words", () => {
  expect(
    labelCommand("podman run --name $NAME IMAGE", { ...facts, name: "n", args: ["a"] }),
  ).toEqual(["run", "--name", "n", facts.image, "a"]);
});

test.each(["rm -rf /", "", "/usr/bin/mypodman run", "sh -c 'podman run'"])(
  "labelCommand() refuses %p",
  (text) => {
    expect(() => labelCommand(text, facts)).toThrow("may not choose");
  },
);

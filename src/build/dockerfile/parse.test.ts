import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import { describeDockerfile } from "./describe.ts";
import { parseDockerfile } from "./parse.ts";

const fixtures = join(import.meta.dir, "../../../test/fixtures/dockerfiles");

describe("parseDockerfile() reads what is on disk", () => {
  const names = readdirSync(fixtures).filter((name) => name.endsWith(".dockerfile"));
  test.each(names)("%s", (name) => {
    const file = join(fixtures, name);
    const expected = readFileSync(file.replace(/\.dockerfile$/, ".txt"), "utf8");
    const parsed = parseDockerfile("Dockerfile", readFileSync(file, "utf8"));
    expect(describeDockerfile(parsed)).toBe(expected);
  });
});

/** What is wrong, and the hint, if there is one. */
function complaint(text: string): string {
  try {
    parseDockerfile("Dockerfile", text);
  } catch (error) {
    if (error instanceof CooperError)
      return `${error.message.split("\n")[0]}${error.hint === undefined ? "" : `; ${error.hint}`}`;
    throw error;
  }
  return "";
}

describe("parseDockerfile() refuses", () => {
  test.each([
    ["", "Dockerfile:1:1: the file has no instructions: it needs a FROM at least"],
    ["# nothing\n", "Dockerfile:1:1: the file has no instructions: it needs a FROM at least"],
    ["FROM a\nRNU x", "Dockerfile:2:1: unknown instruction: RNU (did you mean RUN?)"],
    ["FROM a\n  bogus x", "Dockerfile:2:3: unknown instruction: bogus"],
    ["RUN x", "Dockerfile:1:1: no build stage in current context: RUN stands before FROM"],
    ["FROM", "Dockerfile:1:1: FROM requires either one or three arguments: FROM IMAGE [AS NAME]"],
    [
      "FROM a AS",
      "Dockerfile:1:6: FROM requires either one or three arguments: FROM IMAGE [AS NAME]",
    ],
    ["FROM a IS b", "Dockerfile:1:8: expected AS, not IS: FROM IMAGE AS NAME"],
    [
      "FROM a AS 1b",
      `Dockerfile:1:11: invalid name for build stage: "1b", name can't start with a number or contain symbols`,
    ],
    ["FROM --platfrom=x a", "Dockerfile:1:6: unknown flag: --platfrom (did you mean --platform?)"],
    ["FROM --platform a", "Dockerfile:1:6: --platform needs a value: --platform=…"],
    ["FROM a\nRUN", "Dockerfile:2:1: RUN requires at least one argument: what is to be run"],
    [
      "FROM a\nRUN --mount=type=bind --network=host --network=none x",
      "Dockerfile:2:38: --network is given twice",
    ],
    [
      "FROM a\nRUN --from=x y",
      "Dockerfile:2:5: unknown flag: --from; COPY has it, RUN has --mount, --network, --security, --device",
    ],
    [
      "FROM a\nRUN [1]",
      "Dockerfile:2:5: when using JSON array syntax, arrays must be comprised of strings only",
    ],
    [
      "FROM a\nCOPY x",
      "Dockerfile:2:6: COPY requires at least two arguments, but 1 was provided. Destination could not be determined",
    ],
    [
      "FROM a\nCOPY --link=maybe x y",
      "Dockerfile:2:6: expecting true or false for --link, not: maybe",
    ],
    ["FROM a\nCOPY x <<EOF\nEOF", "Dockerfile:2:8: COPY cannot accept a heredoc as a destination"],
    ["FROM a\nCOPY <<EOF /x\nhi\n", "Dockerfile:2:1: unterminated heredoc: no line is just EOF"],
    ["FROM a\nENV", "Dockerfile:2:4: ENV requires at least one argument"],
    ["FROM a\nENV A", "Dockerfile:2:5: ENV must have two arguments; write ENV A=VALUE"],
    [
      "FROM a\nENV A=1 B",
      `Dockerfile:2:9: can't find = in "B"; must be of the form: name=value; quote values that have spaces in them`,
    ],
    ["FROM a\nLABEL =x", "Dockerfile:2:7: LABEL names can not be blank"],
    [
      "FROM a\nSHELL bash",
      `Dockerfile:2:7: SHELL requires the arguments to be in JSON form; for example: SHELL ["/bin/bash", "-c"]`,
    ],
    ["FROM a\nWORKDIR", "Dockerfile:2:1: WORKDIR requires exactly one argument"],
    ['FROM a\nVOLUME [""]', "Dockerfile:2:8: VOLUME specified can not be an empty string"],
    [
      "FROM a\nONBUILD ONBUILD RUN x",
      "Dockerfile:2:9: chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
    ],
    ["FROM a\nONBUILD FROM x", "Dockerfile:2:9: FROM isn't allowed as an ONBUILD trigger"],
    ["FROM a\nONBUILD RU x", "Dockerfile:2:9: unknown instruction: RU (did you mean RUN?)"],
    [
      "FROM a\nHEALTHCHECK sh",
      `Dockerfile:2:13: unknown type "sh" in HEALTHCHECK: HEALTHCHECK [OPTIONS] CMD COMMAND, or HEALTHCHECK NONE`,
    ],
    ["FROM a\nHEALTHCHECK CMD", "Dockerfile:2:13: missing command after HEALTHCHECK CMD"],
    [
      "FROM a\nHEALTHCHECK --interval=5 CMD x",
      "Dockerfile:2:13: --interval=5 is no duration; for example 30s or 1m30s",
    ],
    ["FROM a\nHEALTHCHECK --retries=x CMD x", "Dockerfile:2:13: --retries=x is no whole number"],
    ["# escape=x\nFROM a", "Dockerfile:1:1: invalid escape token 'x': it is ` or \\"],
    [
      "# escape=`\n# escape=`\nFROM a",
      "Dockerfile:2:1: only one escape parser directive can be used",
    ],
    [
      "FROM a\nRUN one \\\n  && two \\\n  --x\nCPOY a b",
      "Dockerfile:5:1: unknown instruction: CPOY (did you mean COPY?)",
    ],
  ])("%j: %s", (text, message) => {
    expect(complaint(text)).toBe(message);
  });

  test("the place is shown, with its line and those around it", () => {
    let message = "";
    try {
      parseDockerfile("Dockerfile", "FROM a\nENV A=1 \\\n    B \\\n    C=2\nRUN x\n");
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    expect(message.split("\n").slice(1)).toEqual([
      "  2 | ENV A=1 \\",
      "> 3 |     B \\",
      "    |     ^",
      "  4 |     C=2",
    ]);
  });
});

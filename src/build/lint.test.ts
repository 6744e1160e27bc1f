// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the subject
import { describe, expect, test } from "bun:test";
import { parseDockerfile } from "./dockerfile/parse.ts";
import { lint, lintRules } from "./lint.ts";

const noFacts = { undefinedVariables: [], isIgnored: (path: string) => path.startsWith("ignored") };

const found = (text: string) =>
  lint(parseDockerfile("Dockerfile", text), noFacts).map(
    ({ rule, message, range }) => `${rule.name}:${range.start.line}: ${message}`,
  );

describe("lint()", () => {
  test.each([
    ["FROM a AS Build", "StageNameCasing:1: Stage name 'Build' should be lowercase"],
    ["FROM a as b", "FromAsCasing:1: 'as' and 'FROM' keywords' casing do not match"],
    ["FROM a\nRUN x \\\n\n  y", "NoEmptyContinuation:3: Empty continuation line"],
    [
      "FROM a\nrun x\nRUN y",
      "ConsistentInstructionCasing:2: Command 'run' should match the case of the command majority (uppercase)",
    ],
    [
      "from a\nrun x\nRun y",
      "ConsistentInstructionCasing:3: Command 'Run' should match the case of the command majority (lowercase)",
    ],
    [
      "FROM a AS b\nFROM c AS b",
      'DuplicateStageName:2: Duplicate stage name "b", stage names should be unique',
    ],
    [
      "FROM a AS context",
      'ReservedStageName:1: Stage name should not use the same name as reserved stage "context"',
    ],
    [
      "FROM a\nCMD x",
      "JSONArgsRecommended:2: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
    ],
    [
      "FROM a\nMAINTAINER x",
      "MaintainerDeprecated:2: Maintainer instruction is deprecated in favor of using label",
    ],
    [
      "FROM a\nWORKDIR x",
      'WorkdirRelativePath:2: Relative workdir "x" can have unexpected results if the base image changes',
    ],
    [
      'FROM a\nCMD ["x"]\nCMD ["y"]',
      "MultipleInstructionsDisallowed:2: Multiple CMD instructions should not be used in the same stage because only the last one will be used",
    ],
    [
      "FROM a\nENV A b",
      'LegacyKeyValueFormat:2: "ENV key=value" should be used instead of legacy "ENV key value" format',
    ],
    [
      "FROM --platform=$TARGETPLATFORM a",
      "RedundantTargetPlatform:1: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    ],
    [
      "FROM a\nARG GITHUB_TOKEN",
      'SecretsUsedInArgOrEnv:2: Do not use ARG or ENV instructions for sensitive data (ARG "GITHUB_TOKEN")',
    ],
    [
      "ARG TAG\nFROM a:${TAG}",
      "InvalidDefaultArgInFrom:2: Default value for ARG a:${TAG} results in empty or invalid base image name",
    ],
    [
      "FROM --platform=linux/arm64 a",
      'FromPlatformFlagConstDisallowed:1: FROM --platform flag should not use constant value "linux/arm64"',
    ],
    [
      "FROM a\nCOPY ignored/x /y",
      'CopyIgnoredFile:2: Attempting to Copy file "ignored/x" that is excluded by .dockerignore',
    ],
    [
      "FROM a\nEXPOSE 80/TCP",
      "ExposeProtoCasing:2: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    ],
    [
      "FROM a\nEXPOSE 8080:80",
      "ExposeInvalidFormat:2: EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
    ],
  ])("%j", (text, finding) => {
    expect(found(text)).toEqual([finding]);
  });

  test.each([
    'FROM a AS b\nWORKDIR /x\nWORKDIR y\nCMD ["x"]\nENV A=1\nEXPOSE 80/tcp',
    'FROM a\nSHELL ["bash", "-c"]\nCMD x',
    "FROM a AS base\nWORKDIR /a\nFROM base\nWORKDIR b",
    "ARG TAG=1\nFROM a:$TAG",
    "FROM a\nARG PUBLIC_KEY\nENV KEYBOARD=de",
    "# check=skip=all\nFROM a AS B",
    "# check=skip=StageNameCasing\nFROM a AS B",
  ])("finds nothing in %j", (text) => {
    expect(found(text)).toEqual([]);
  });

  test("variables that are not set are findings of the place where they are used", () => {
    const file = parseDockerfile("Dockerfile", "FROM $B\nRUN x\nENV A=$X");
    const range = (line: number) => ({ start: { line, column: 1 }, end: { line, column: 2 } });
    const undefinedVariables = [
      { name: "B", range: range(1), meant: "BASE" },
      { name: "X", range: range(3), meant: undefined },
    ];
    expect(lint(file, { ...noFacts, undefinedVariables }).map(({ message }) => message)).toEqual([
      "FROM argument 'B' is not declared (did you mean BASE?)",
      "Usage of undefined variable '$X'",
    ]);
  });

  test("no rule has another's name", () => {
    expect(new Set(lintRules.map(({ name }) => name)).size).toBe(lintRules.length);
  });
});

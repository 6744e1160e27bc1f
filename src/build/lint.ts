/** `--check`: what BuildKit's users know as build checks. Each rule is data: its name, what it is about, and where it finds something. */
import type {
  Dockerfile,
  Instruction,
  PairsInstruction,
  Stage,
} from "./dockerfile/instructions.ts";
import { lineRange } from "./dockerfile/logical-lines.ts";
import { excerpt, type Range } from "./dockerfile/source.ts";

/** Something that a rule found. */
export interface Finding {
  readonly range: Range;
  readonly message: string;
}

/** What rules look at besides the Dockerfile. */
export interface LintFacts {
  /** Variables that are used and never set, as the graph was made; with those that are known there. */
  readonly undefinedVariables: readonly {
    readonly name: string;
    readonly range: Range;
    readonly meant: string | undefined;
  }[];
  /** Whether a path is left out of the context. */
  isIgnored(path: string): boolean;
}

export interface LintRule {
  readonly name: string;
  readonly description: string;
  find(file: Dockerfile, facts: LintFacts): Finding[];
}

const instructionsOf = ({ globals, stages }: Dockerfile): Instruction[] => [
  ...globals,
  ...stages.flatMap(({ from, instructions }) => [from, ...instructions]),
];

const perStage =
  (find: (stage: Stage) => Finding[]) =>
  ({ stages }: Dockerfile): Finding[] =>
    stages.flatMap(find);

const perInstruction =
  (find: (instruction: Instruction) => readonly string[] | string | undefined) =>
  (file: Dockerfile): Finding[] =>
    instructionsOf(file).flatMap((instruction) =>
      [find(instruction) ?? []].flat().map((message) => ({ range: instruction.range, message })),
    );

const isLower = (text: string) => text === text.toLowerCase();
const isUpper = (text: string) => text === text.toUpperCase();

/** Words of names that hold secrets, and those of names that only speak of them. */
const secretWords =
  /(?:^|_)(?:apikey|auth|credentials?|creds?|key|password|passwd|pswd|pword|secret|token)(?:_|$)/i;
const publicWords = /(?:^|_)public(?:_|$)/i;

const reserved = ["scratch", "context"];

/** In the order in which BuildKit lists them. */
export const lintRules: readonly LintRule[] = [
  {
    name: "StageNameCasing",
    description: "Stage names should be lowercase",
    find: perInstruction((one) =>
      one.kind === "from" && one.typedName !== null && !isLower(one.typedName)
        ? `Stage name '${one.typedName}' should be lowercase`
        : undefined,
    ),
  },
  {
    name: "FromAsCasing",
    description: "The 'as' keyword should match the case of the 'from' keyword",
    find: perInstruction((one) =>
      one.kind === "from" && one.typedAs !== null && isLower(one.typed) !== isLower(one.typedAs)
        ? `'${one.typedAs}' and '${one.typed}' keywords' casing do not match`
        : undefined,
    ),
  },
  {
    name: "NoEmptyContinuation",
    description: "Empty continuation lines will become errors in a future release",
    find: (file) =>
      file.emptyContinuations.map((line) => ({
        range: lineRange(file.source, line),
        message: "Empty continuation line",
      })),
  },
  {
    name: "ConsistentInstructionCasing",
    description:
      "All commands within the Dockerfile should use the same casing (either upper or lower)",
    find(file) {
      const all = instructionsOf(file);
      const lower = all.filter(({ typed }) => isLower(typed)).length;
      const upper = all.filter(({ typed }) => isUpper(typed)).length;
      const wanted = lower > upper ? "lowercase" : "uppercase";
      const fits = wanted === "lowercase" ? isLower : isUpper;
      return all
        .filter(({ typed }) => !fits(typed))
        .map(({ typed, range }) => ({
          range,
          message: `Command '${typed}' should match the case of the command majority (${wanted})`,
        }));
    },
  },
  {
    name: "DuplicateStageName",
    description: "Stage names should be unique",
    find({ stages }) {
      const names = stages.map(({ from }) => from.stageName);
      return stages.flatMap(({ from }, index) =>
        from.stageName !== null && names.indexOf(from.stageName) < index
          ? [
              {
                range: from.range,
                message: `Duplicate stage name ${JSON.stringify(from.typedName)}, stage names should be unique`,
              },
            ]
          : [],
      );
    },
  },
  {
    name: "ReservedStageName",
    description: "Reserved words should not be used as stage names",
    find: perInstruction((one) =>
      one.kind === "from" && one.stageName !== null && reserved.includes(one.stageName)
        ? `Stage name should not use the same name as reserved stage ${JSON.stringify(one.stageName)}`
        : undefined,
    ),
  },
  {
    name: "JSONArgsRecommended",
    description:
      "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
    find: perStage(({ instructions }) => {
      if (instructions.some(({ kind }) => kind === "shell")) return [];
      return instructions.flatMap((one) =>
        (one.kind === "cmd" || one.kind === "entrypoint") && one.command.kind === "shell"
          ? [
              {
                range: one.range,
                message: `JSON arguments recommended for ${one.kind.toUpperCase()} to prevent unintended behavior related to OS signals`,
              },
            ]
          : [],
      );
    }),
  },
  {
    name: "MaintainerDeprecated",
    description:
      "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
    find: perInstruction(({ kind }) =>
      kind === "maintainer"
        ? "Maintainer instruction is deprecated in favor of using label"
        : undefined,
    ),
  },
  {
    name: "UndefinedArgInFrom",
    description: "FROM command must use declared ARGs",
    find: ({ stages }, { undefinedVariables }) =>
      undefinedVariables
        .filter(({ range }) => stages.some(({ from }) => contains(from.range, range)))
        .map(({ name, range, meant }) => ({
          range,
          message: `FROM argument '${name}' is not declared${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
        })),
  },
  {
    name: "WorkdirRelativePath",
    description:
      "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
    find(file) {
      const isSet = new Map<string, boolean>();
      return file.stages.flatMap(({ from, instructions }) => {
        let isAbsolute = isSet.get(from.image.text.toLowerCase()) ?? false;
        const findings: Finding[] = [];
        for (const one of instructions) {
          if (one.kind !== "workdir") continue;
          if (/^[/$]/.test(one.word.text)) isAbsolute = true;
          else if (!isAbsolute)
            findings.push({
              range: one.range,
              message: `Relative workdir ${JSON.stringify(one.word.text)} can have unexpected results if the base image changes`,
            });
        }
        if (from.stageName !== null) isSet.set(from.stageName, isAbsolute);
        return findings;
      });
    },
  },
  {
    name: "UndefinedVar",
    description: "Variables should be defined before their use",
    find: ({ stages }, { undefinedVariables }) =>
      undefinedVariables
        .filter(({ range }) => !stages.some(({ from }) => contains(from.range, range)))
        .map(({ name, range, meant }) => ({
          range,
          message: `Usage of undefined variable '$${name}'${meant === undefined ? "" : ` (did you mean $${meant}?)`}`,
        })),
  },
  {
    name: "MultipleInstructionsDisallowed",
    description: "Multiple instructions of the same type should not be used in the same stage",
    find: perStage(({ instructions }) =>
      ["cmd", "entrypoint", "healthcheck"].flatMap((kind) =>
        instructions
          .filter((one) => one.kind === kind)
          .slice(0, -1)
          .map(({ range }) => ({
            range,
            message: `Multiple ${kind.toUpperCase()} instructions should not be used in the same stage because only the last one will be used`,
          })),
      ),
    ),
  },
  {
    name: "LegacyKeyValueFormat",
    description: "Legacy key/value format with whitespace separator should not be used",
    find: perInstruction((one) =>
      (one.kind === "env" || one.kind === "label") && one.isLegacy
        ? `"${one.kind.toUpperCase()} key=value" should be used instead of legacy "${one.kind.toUpperCase()} key value" format`
        : undefined,
    ),
  },
  {
    name: "RedundantTargetPlatform",
    description:
      "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    find: perInstruction((one) =>
      one.kind === "from" && /^\$\{?TARGETPLATFORM\}?$/.test(one.platform?.text ?? "")
        ? `Setting platform to predefined ${one.platform?.text} in FROM is redundant as this is the default behavior`
        : undefined,
    ),
  },
  {
    name: "SecretsUsedInArgOrEnv",
    description: "Sensitive data should not be used in the ARG or ENV commands",
    find: perInstruction((one) =>
      one.kind === "arg" || one.kind === "env" ? secretsIn(one) : undefined,
    ),
  },
  {
    name: "InvalidDefaultArgInFrom",
    description: "Default value for global ARG results in an empty or invalid base image name",
    find: ({ globals, stages }) => {
      const unset = globals.flatMap(({ pairs }) =>
        pairs.filter(({ value }) => value === null || value === "").map(({ name }) => name),
      );
      return stages.flatMap(({ from }) => {
        const used = [...from.image.text.matchAll(/\$\{?(\w+)\}?/g)].map(([, name = ""]) => name);
        const empty = used.filter((name) => unset.includes(name));
        const rest = from.image.text.replace(/\$\{?(\w+)\}?/g, (whole, name) =>
          unset.includes(name) ? "" : whole,
        );
        const isValid = rest !== "" && !/^[:@]|[:@/]$/.test(rest);
        return empty.length === 0 || isValid
          ? []
          : [
              {
                range: from.range,
                message: `Default value for ARG ${from.image.text} results in empty or invalid base image name`,
              },
            ];
      });
    },
  },
  {
    name: "FromPlatformFlagConstDisallowed",
    description: "FROM --platform flag should not use a constant value",
    find: perInstruction((one) =>
      one.kind === "from" && one.platform !== null && !one.platform.text.includes("$")
        ? `FROM --platform flag should not use constant value ${JSON.stringify(one.platform.text)}`
        : undefined,
    ),
  },
  {
    name: "CopyIgnoredFile",
    description: "Attempting to Copy file that is excluded by .dockerignore",
    find: (file, facts) =>
      instructionsOf(file).flatMap((one) => {
        if ((one.kind !== "copy" && one.kind !== "add") || one.from !== null) return [];
        const verb = one.kind === "copy" ? "Copy" : "Add";
        return one.sources
          .filter(({ text }) => !/[*?[$]|:\/\//.test(text))
          .filter(({ text }) => facts.isIgnored(text.replace(/^(?:\.?\/)+|\/+$/g, "")))
          .map(({ text }) => ({
            range: one.range,
            message: `Attempting to ${verb} file ${JSON.stringify(text)} that is excluded by .dockerignore`,
          }));
      }),
  },
  {
    name: "ExposeProtoCasing",
    description: "Protocol in EXPOSE instruction should be lowercase",
    find: perInstruction((one) =>
      one.kind !== "expose"
        ? undefined
        : one.words
            .map(({ text }) => text)
            .filter((text) => text.includes("/") && !isLower(text.split("/")[1] ?? ""))
            .map((text) => `Defined protocol '${text}' in EXPOSE instruction should be lowercase`),
    ),
  },
  {
    name: "ExposeInvalidFormat",
    description:
      "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
    find: perInstruction((one) =>
      one.kind !== "expose"
        ? undefined
        : one.words
            .map(({ text }) => text)
            .filter((text) => text.includes(":") && !text.includes("$"))
            .map(
              (text) =>
                `EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`,
            ),
    ),
  },
];

const contains = (outer: Range, inner: Range) =>
  inner.start.line >= outer.start.line && inner.start.line <= outer.end.line;

function secretsIn({ kind, pairs }: PairsInstruction): string[] {
  return pairs
    .filter(({ name }) => secretWords.test(name) && !publicWords.test(name))
    .map(
      ({ name }) =>
        `Do not use ARG or ENV instructions for sensitive data (${kind.toUpperCase()} ${JSON.stringify(name)})`,
    );
}

/** What `# check=` asks for: `skip=Rule,Rule` or `skip=all`, `error=true`; parts are separated by `;`. */
export function checkDirective({ directives }: Dockerfile): {
  readonly skipped: readonly string[] | "all";
  readonly isError: boolean;
} {
  const parts = (directives.check?.value ?? "").split(";").map((part) => part.trim().split("="));
  const value = (key: string) => parts.find(([name]) => name?.trim() === key)?.[1]?.trim();
  const skip = value("skip") ?? "";
  return {
    skipped: skip === "all" ? "all" : skip.split(",").map((name) => name.trim()),
    isError: value("error") === "true",
  };
}

/** All that the rules find which are not skipped, in the order of the file. */
export function lint(
  file: Dockerfile,
  facts: LintFacts,
): readonly (Finding & { readonly rule: LintRule })[] {
  const { skipped } = checkDirective(file);
  if (skipped === "all") return [];
  return lintRules
    .filter(({ name }) => !skipped.includes(name))
    .flatMap((rule) => rule.find(file, facts).map((finding) => ({ ...finding, rule })))
    .sort((a, b) => a.range.start.line - b.range.start.line);
}

/** For people: the rule, what it is about, and the place. */
export function describeFinding(
  file: Dockerfile,
  { rule, message, range }: Finding & { readonly rule: LintRule },
): string {
  const where = `${file.source.name}:${range.start.line}`;
  return `WARNING: ${rule.name}\n${rule.description}\n${where}: ${message}\n${excerpt(file.source, range)}\n`;
}

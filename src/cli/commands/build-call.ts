/** `--call` and `--check`: what a Dockerfile offers, and what is wrong with it. */
import type { BuildOptions } from "../../build/build.ts";
import type { CheckFinding } from "../../build/check.ts";
import type { ListedTarget, Outline } from "../../build/outline.ts";
import type { Engine } from "../../engine.ts";
import { print } from "../output.ts";
import { printable } from "../printable.ts";
import { renderTable } from "../table.ts";

const methods = ["build", "check", "outline", "targets"] as const;

/** What is done instead of a build, and how it is shown. */
export interface Call {
  readonly method: (typeof methods)[number];
  readonly format: "text" | "json";
}

export const buildCall: Call = { method: "build", format: "text" };

/** `check`, `outline,format=json` */
export const callType = {
  placeholder: "METHOD",
  choices: methods,
  parse(text: string): Call {
    const [name = "", ...more] = text.split(",");
    const method = methods.find((one) => one === (name === "lint" ? "check" : name));
    if (method === undefined) throw new Error(`must be one of ${methods.join(", ")}`);
    let format: Call["format"] = "text";
    for (const word of more) {
      const value = /^format=(text|json)$/.exec(word)?.[1];
      if (value === undefined) throw new Error(`${word} is not known; there is format=json`);
      format = value === "json" ? "json" : "text";
    }
    return { method, format };
  },
};

/** Prints what was asked for. Resolves to the exit status: of a check that finds something, 1. */
export async function callDockerfile(
  engine: Engine,
  request: BuildOptions,
  { method, format }: Call,
): Promise<number> {
  const isJson = format === "json";
  if (method === "outline") {
    const outline = await engine.builds.outline(request);
    print(isJson ? json(outline) : outlineText(outline));
    return 0;
  }
  if (method === "targets") {
    const targets = await engine.builds.targets(request);
    print(isJson ? json({ targets }) : targetsText(targets));
    return 0;
  }
  const findings = await engine.builds.check(request);
  print(isJson ? json({ warnings: findings.map(warning) }) : findingsText(findings));
  return findings.length === 0 ? 0 : 1;
}

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

const warning = ({ rule, message, line }: CheckFinding) => ({
  ruleName: rule.name,
  description: rule.description,
  detail: message,
  location: { ranges: [{ start: { line }, end: { line } }] },
});

function findingsText(findings: readonly CheckFinding[]): string {
  if (findings.length === 0) return "Check complete, no warnings found.\n";
  const many = findings.length === 1 ? "1 warning has" : `${findings.length} warnings have`;
  const all = findings.map(({ text }) => `\n${text.split("\n").map(printable).join("\n")}`);
  return `Check complete, ${many} been found!\n${all.join("")}`;
}

function targetsText(targets: readonly ListedTarget[]): string {
  const rows = targets.map(({ name, description, ...target }) => [
    printable(`${name}${target.default ? `${name === "" ? "" : " "}(default)` : ""}`),
    printable(description),
  ]);
  return renderTable(rows, ["TARGET", "DESCRIPTION"]);
}

function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const heads = [
    ...(name === "" ? [] : [`TARGET:      ${printable(name)}\n`]),
    ...(description === "" ? [] : [`DESCRIPTION: ${printable(description)}\n`]),
  ];
  const needs = (title: string, all: Outline["secrets"]) =>
    all.length === 0
      ? []
      : [
          renderTable(
            all.map((one) => [printable(one.name), one.required ? "true" : ""]),
            [title, "REQUIRED"],
          ),
        ];
  const tables = [
    ...(args.length === 0
      ? []
      : [
          renderTable(
            args.map((one) => [one.name, one.value, one.description].map(printable)),
            ["BUILD ARG", "VALUE", "DESCRIPTION"],
          ),
        ]),
    ...needs("SECRET", secrets),
    ...needs("SSH", ssh),
  ];
  return [...(heads.length === 0 ? [] : [heads.join("")]), ...tables].join("\n");
}

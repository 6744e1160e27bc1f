/** `system doctor`: what of this machine hinders containers, and the commands that mend it. */
import { string } from "../../option.ts";
import type { HostCheck } from "../../why/host-facts.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { printable } from "../printable.ts";
import { renderTable } from "../table.ts";
import { compileTemplate } from "../template/template.ts";

export const doctor = defineCommand({
  summary: "Show what of this machine hinders containers, and what mends it",
  usage: "",
  description:
    "Looks at kernel, user namespaces, ids, control groups, overlays, networks, programs, limits and the store, and tries\n" +
    "what only an attempt tells. `limits`: containers run, and do without something; `hinders`: they do not run. Exits\n" +
    "with 0 when nothing hinders, with 1 when something does. Changes nothing of the machine.",
  examples: ["cooper system doctor", "cooper system doctor --format json"],
  options: {
    format: {
      flag: "--format",
      short: "-f",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, or a Go template",
    },
  },
  isKeptOutOfWhy: true,
  args: { min: 0, max: 0 },
  completes: "none",
  staysOutside: true,
  async run({ engine, options }) {
    const checks = await engine.system.examine();
    if (options.format === undefined) print(text(checks));
    else print(formatted(checks, options.format));
    return checks.some(({ status }) => status === "hinders") ? 1 : 0;
  },
});

function formatted(checks: readonly HostCheck[], format: string): string {
  const document = checks.map(({ id, status, found, cures, advice }) => ({
    ID: id,
    Status: status,
    Found: found,
    Cures: cures,
    Advice: advice ?? "",
  }));
  if (format === "json") return `${JSON.stringify(document, null, 2)}\n`;
  const template = compileTemplate(format);
  return document.map((row) => `${template.render(row)}\n`).join("");
}

function text(checks: readonly HostCheck[]): string {
  const rows = checks.map(({ id, status, found }) => [id, status, found].map(printable));
  const wrong = checks.filter(({ status }) => status !== "ok");
  const cures = wrong.flatMap(({ id, cures: commands, advice }) => [
    "",
    `${id}:`,
    ...commands.map((command) => `  ${command}`),
    ...(advice === null ? [] : [`  (${advice})`]),
  ]);
  const table = renderTable(rows, ["CHECK", "STATUS", "FOUND"]);
  return `${table}${cures.length === 0 ? "" : `\nWhat mends it:\n${cures.slice(1).map(printable).join("\n")}\n`}`;
}

/** What the doctor has a child of its own try: within the user's namespace, where there is one. */
export const attempt = defineCommand({
  summary: "",
  usage: "",
  isHidden: true,
  options: {},
  args: { min: 0, max: 0 },
  async run({ engine }) {
    print(JSON.stringify(await engine.system.tryHost()));
  },
});

/** `why`: the cause of a failure, what it rests on, and the commands that mend it. */
import type { Diagnosis } from "../../container/why.ts";
import { string } from "../../option.ts";
import type { Finding } from "../../why/evidence.ts";
import { shellWords } from "../../why/words.ts";
import { defineCommand, type GlobalOptions } from "../command.ts";
import { humanAge } from "../human.ts";
import { print } from "../output.ts";
import { printable } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

export const why = defineCommand({
  summary: "Show why a container or command failed, and what mends it",
  usage: "[CONTAINER | last]",
  description:
    "Looks at how a container ended, at its log's end, its image's files, its user, mounts and limits. Without an\n" +
    "argument, or with `last`, it tells of what failed last: a container that ended with another code than 0, or a\n" +
    "command of cooper's. Exits with 0 when a cause is known, with 1 when none is.",
  examples: ["cooper why", "cooper why web", "cooper why web --format json"],
  options: {
    format: {
      flag: "--format",
      short: "-f",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, or a Go template",
    },
  },
  args: { min: 0, max: 1 },
  completes: "container",
  isKeptOutOfWhy: true,
  async run({ engine, args, options, global }) {
    const [name = "last"] = args;
    const isLast = name === "last" && !(await engine.containers.exists(name));
    const found = isLast ? await engine.containers.whyLast() : await engine.containers.why(name);
    const diagnosis = found === null ? null : withStore(found, global);
    if (options.format !== undefined) print(formatted(diagnosis, options.format));
    else
      print(
        diagnosis === null ? "Nothing has failed since the machine was started\n" : text(diagnosis),
      );
    return diagnosis === null || diagnosis.findings.length === 0 ? 1 : 0;
  },
});

/** The commands for the store that was named, where one was. */
function withStore(diagnosis: Diagnosis, { root, runRoot }: GlobalOptions): Diagnosis {
  const words = [
    ...(root === null ? [] : ["--root", root]),
    ...(runRoot === null ? [] : ["--runroot", runRoot]),
  ];
  if (words.length === 0) return diagnosis;
  const onStore = (command: string) =>
    command.startsWith("cooper ") && !command.startsWith("cooper --root")
      ? command.replace("cooper", () => `cooper ${shellWords(words)}`)
      : command;
  const findings = diagnosis.findings.map((one) => ({ ...one, cures: one.cures.map(onStore) }));
  return { ...diagnosis, findings };
}

function formatted(diagnosis: Diagnosis | null, format: string): string {
  const document = {
    Subject: diagnosis?.subject ?? "",
    Outcome: diagnosis?.outcome ?? "",
    Failed: diagnosis?.hasFailed ?? false,
    Time: diagnosis === null || diagnosis.at === 0 ? "" : new Date(diagnosis.at).toISOString(),
    Findings: (diagnosis?.findings ?? []).map(({ id, cause, evidence, cures, advice }) => ({
      ID: id,
      Cause: cause,
      Evidence: evidence,
      Cures: cures,
      Advice: advice ?? "",
    })),
  };
  return format === "json"
    ? `${JSON.stringify(document, null, 2)}\n`
    : `${compileTemplate(format).render(document)}\n`;
}

function text({ subject, outcome, hasFailed, at, findings }: Diagnosis): string {
  const when = at === 0 ? "" : `, ${humanAge(at, Date.now()).toLowerCase()}`;
  const head = `${subject} ${outcome}${when}`;
  const lines = findings.flatMap((finding, index) => paragraph(finding, index === 0));
  const log = subject.startsWith("container ")
    ? `: see ${subject.replace("container", "cooper logs")}`
    : "";
  const nothing = hasFailed
    ? ["", `Nothing more is known${log}`]
    : ["", "Nothing is wrong with it that cooper knows of"];
  const shown = [head, ...(lines.length === 0 ? nothing : lines)];
  return `${shown.map(printable).join("\n")}\n`;
}

function paragraph({ cause, evidence, cures, advice }: Finding, isFirst: boolean): string[] {
  return [
    "",
    `${isFirst ? "Cause:" : "Besides:"} ${cause}`,
    ...evidence.map((line) => `  - ${line}`),
    ...(cures.length === 0 ? [] : ["Cure:", ...cures.map((cure) => `  ${cure}`)]),
    ...(advice === null ? [] : [`Note: ${advice}`]),
  ];
}

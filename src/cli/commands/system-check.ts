/** `system check` and `system reset`: mending the store, and starting anew. */
import { flagSwitch, parseDurationSeconds } from "../../option.ts";
import type { Finding } from "../../store/check.ts";
import type { ResetPlan } from "../../store/reset.ts";
import { defineCommand } from "../command.ts";
import { isConfirmed } from "../confirm.ts";
import { humanSize } from "../human.ts";
import { print, tell } from "../output.ts";

export const check = defineCommand({
  summary: "Find damage in the store, and mend it",
  usage: "",
  description:
    "Compares every layer with the digest that it came with, and files with records. Exits with 1 when something is\n" +
    "damaged and not mended. Works while containers run.",
  examples: ["cooper system check", "cooper system check --repair"],
  options: {
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "With --repair: remove images that cannot be mended, with their containers",
    },
    max: {
      flag: "--max",
      short: "-m",
      type: { placeholder: "DURATION", parse: parseDurationSeconds },
      help: "How old layers may be that nothing uses",
      ignored: "what nothing uses is removed at once, and never counts as damage",
    },
    quick: {
      flag: "--quick",
      short: "-q",
      type: flagSwitch,
      help: "Look at files without reading them",
    },
    repair: {
      flag: "--repair",
      short: "-r",
      type: flagSwitch,
      help: "Fetch what is damaged again, and nothing else",
    },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const result = await engine.system.check({
      isQuick: options.quick ?? false,
      repairs: options.repair ?? false,
      removes: options.force ?? false,
      onFinding: (finding) => print(lineOf(finding)),
    });
    const left = result.found - result.mended;
    const looked = `${result.layers} layers of ${result.images} images`;
    tell(
      result.found === 0
        ? `${looked}: no damage\n`
        : `${looked}: ${result.found} found, ${result.mended} mended\n`,
    );
    return left === 0 ? 0 : 1;
  },
});

function lineOf({ text, mended, hint }: Finding): string {
  const done = mended === null ? "Damaged" : "Mended";
  const how = mended === null ? "" : ` (${mended})`;
  return `${done}: ${text}${how}\n${hint === undefined ? "" : `  Hint: ${hint}\n`}`;
}

export const reset = defineCommand({
  summary: "Remove everything",
  usage: "",
  description:
    "Shows what it would remove, and asks. No damage needs it: see `cooper system check`.",
  options: {
    force: { flag: "--force", short: "-f", type: flagSwitch, help: "Do not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const plan = await engine.system.planReset();
    if (!options.force && !(await isConfirmed(warning(plan)))) return;
    await engine.system.reset();
    print(`Removed everything in ${plan.root}: ${humanSize(plan.bytes)}\n`);
  },
});

function warning(plan: ResetPlan): string {
  const line = (what: string, names: readonly string[]) => {
    if (names.length === 0) return [];
    const shown = names.slice(0, 10).join(", ");
    const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
    return [`  - ${names.length} ${what}${names.length === 1 ? "" : "s"}: ${shown}${more}`];
  };
  return [
    `This removes everything in ${plan.root} and ${plan.run}, ${humanSize(plan.bytes)}:`,
    ...line("container", plan.containers),
    ...line("image", plan.images),
    ...line("volume", plan.volumes),
    "  - networks, secrets and records",
  ].join("\n");
}

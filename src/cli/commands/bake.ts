/** `bake`: builds of many targets, as files say. */
import { readlinkSync } from "node:fs";
import { allowedBySet, allowFlag, missingEntitlements } from "../../bake/entitlements.ts";
import { assertOverrides, parseOverride } from "../../bake/override.ts";
import { listTargets, printPlan } from "../../bake/print.ts";
import { defineBake, readBakeFiles } from "../../bake/read.ts";
import { type BakePlan, type BakeTarget, linksOf, resolveTargets } from "../../bake/resolve.ts";
import type { Definition } from "../../bake/target.ts";
import { type BakeFlags, buildWords } from "../../bake/words.ts";
import type { BakedTarget } from "../../build/bake.ts";
import { CooperError } from "../../errors.ts";
import { formatPlatform, hostPlatform } from "../../oci/platform.ts";
import { flagSwitch, listOf, path, string } from "../../option.ts";
import { openProgress, progressOption } from "../build-progress/choose.ts";
import { labelled } from "../build-progress/labelled.ts";
import { type CommandContext, type CommandOptions, defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { pairs } from "../pairs.ts";
import { parseOptions } from "../parse.ts";
import { formatRows } from "../table.ts";
import { abortOnSignals, build } from "./build.ts";
import { buildCall, callDockerfile } from "./build-call.ts";
import { requestOf } from "./build-request.ts";
import { builderOption } from "./builders.ts";

export const bake = defineCommand({
  summary: "Build what files say",
  usage: "[TARGET...]",
  description:
    "The files are docker-bake.hcl, docker-bake.json, compose.yaml and their overrides of this directory, or those of --file. Without a target it is the group or target default.",
  examples: [
    "cooper bake",
    "cooper bake -f docker-bake.hcl web --set 'web.args.VERSION=2'",
    "cooper bake --print",
  ],
  options: {
    allow: {
      flag: "--allow",
      type: listOf({ ...string, placeholder: "network.host|fs.read=DIR|fs.write=DIR" }),
      help: "What targets may use besides this directory",
    },
    builder: builderOption,
    call: {
      flag: "--call",
      type: { ...string, placeholder: "build|check|outline|targets" },
      help: "What is done: builds, or a look at Dockerfiles",
    },
    check: { flag: "--check", type: flagSwitch, help: "Look for mistakes, and build nothing" },
    file: {
      flag: "--file",
      short: "-f",
      type: listOf(path),
      help: "File that says what is built; - is standard input",
    },
    list: {
      flag: "--list",
      type: { ...string, placeholder: "targets|variables" },
      help: "Show what can be built, or what can be set",
    },
    load: {
      flag: "--load",
      type: flagSwitch,
      help: "Keep images",
      ignored: "they are always kept",
    },
    metadataFile: { flag: "--metadata-file", type: path, help: "Write what was built to a file" },
    noCache: { flag: "--no-cache", type: flagSwitch, help: "Do all steps anew" },
    policy: {
      flag: "--policy",
      type: listOf(string),
      help: "Policy",
      refuse: "policy.json says which images are accepted",
    },
    print: { flag: "--print", type: flagSwitch, help: "Show what would be built, as JSON" },
    progress: progressOption,
    provenance: { flag: "--provenance", type: string, help: "Attestation of how it was built" },
    pull: { flag: "--pull", type: flagSwitch, help: "Always fetch base images" },
    push: { flag: "--push", type: flagSwitch, help: "Push images to their registries" },
    sbom: { flag: "--sbom", type: string, help: "Attestation of what is inside" },
    set: {
      flag: "--set",
      type: listOf({ ...string, placeholder: "TARGET.KEY=VALUE" }),
      help: "Say something of targets in place of the files; * is any target",
    },
    var: {
      flag: "--var",
      type: listOf({ ...string, placeholder: "NAME=VALUE" }),
      help: "Value of a variable, in place of the environment's",
    },
  },
  args: { min: 0 },
  completes: "none",
  async run(context) {
    const { options, args } = context;
    const remote = args.find((word) => /^(?:https?|git|ssh):\/\/|^git@/.test(word));
    if (remote !== undefined)
      throw new CooperError("not-supported", `${remote}: files for bake are read from here alone`, {
        hint: "fetch it first, and name the file with --file",
      });
    const files = readBakeFiles(options.file.length === 0 ? null : options.file);
    const definition = defineBake(files, {
      env: process.env,
      variables: pairs(options.var, "variable"),
      platform: formatPlatform(hostPlatform()),
    });
    if (options.list !== undefined) return print(listed(definition, options.list));
    const overrides = options.set.map((text) => parseOverride(text, process.env));
    assertOverrides(overrides, definition.targets);
    const plan = resolveTargets(definition, args, overrides);
    if (options.print) return print(printPlan(plan));
    assertAllowed(plan.targets, [...options.allow, ...allowedBySet(overrides)]);
    const flags: BakeFlags = {
      noCache: options.noCache ?? false,
      pull: options.pull ?? false,
      push: options.push ?? false,
      sbom: options.sbom ?? null,
      provenance: options.provenance ?? null,
      call: options.check ? "check" : (options.call ?? null),
    };
    return bakeAll(context, plan, flags);
  },
});

type BakeContext = Pick<CommandContext<CommandOptions>, "engine" | "fail"> & {
  readonly options: {
    readonly progress?: Parameters<typeof openProgress>[0];
    readonly metadataFile?: string | undefined;
  };
};

async function bakeAll(
  { engine, options, fail }: BakeContext,
  { targets }: BakePlan,
  flags: BakeFlags,
): Promise<number> {
  const { progress } = await openProgress(options.progress, false);
  const { signal } = abortOnSignals();
  const { imageDefaultFormat: defaultFamily, httpProxy: passesProxies } = engine.host.settings;
  try {
    const asked = targets.map((target) => {
      const own = targets.length === 1 ? progress : labelled(progress, target.name);
      return {
        target,
        ...askedOf(target, flags, { progress: own, signal, defaultFamily, passesProxies }),
      };
    });
    let status = 0;
    for (const { request, call, target } of asked)
      if (call.method !== "build" && !target.isLinked)
        status = Math.max(status, await callDockerfile(engine, request, call));
    const built = asked.filter(({ call }) => call.method === "build");
    const baked: BakedTarget[] = built.map(({ target, request }) => ({
      name: target.name,
      links: linksOf(target.spec),
      isLinked: target.isLinked,
      request,
    }));
    if (baked.length > 0)
      await engine.builds.bake(baked, { metadataFile: options.metadataFile ?? null, signal });
    progress.end();
    return status;
  } catch (error) {
    progress.end();
    await fail(error);
    return error instanceof CooperError && error.code === "cancelled" ? 130 : 1;
  }
}

/** A target in the words of `build`, and what these words ask for. */
function askedOf(
  { name, spec }: BakeTarget,
  flags: BakeFlags,
  around: Omit<Parameters<typeof requestOf>[1], "args" | "spec">,
) {
  try {
    const parsed = parseOptions(build as never, "build", buildWords(spec, flags));
    const values = parsed.values as unknown as Parameters<typeof requestOf>[0];
    const request = requestOf(values, { ...around, args: parsed.args, spec: parsed.spec });
    const text = spec["dockerfile-inline"];
    return {
      call: values.call ?? buildCall,
      request: { ...request, dockerfileText: text ?? null },
    };
  } catch (error) {
    if (!(error instanceof CooperError)) throw error;
    const { hint } = error;
    throw new CooperError(error.code, `target ${name}: ${error.message}`, {
      ...(hint !== undefined && { hint }),
      cause: error,
    });
  }
}

/** A file of a stranger's must not read or write what it likes. */
function assertAllowed(targets: readonly BakeTarget[], allowed: readonly string[]): void {
  const missing = missingEntitlements(targets, allowed, { directory: process.cwd(), readLink });
  const [first] = missing;
  if (first === undefined) return;
  const flags = [...new Set(missing.map(({ needs }) => allowFlag(needs)))];
  const what =
    first.needs.path === null ? first.needs.kind : `${first.needs.kind} of ${first.needs.path}`;
  throw new CooperError(
    "permission-denied",
    `the target ${first.target} asks for ${what}, which is not allowed`,
    { hint: `allow it: cooper bake ${flags.join(" ")}` },
  );
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null; // it is none, or nothing is there
  }
}

/** `targets`, `variables`, `type=targets,format=json`. */
function listed(definition: Definition, text: string): string {
  const words = text.includes("=") ? pairs(text.split(","), "list") : { type: text };
  const { type, format = "table", ...more } = words;
  const isKnown = (type === "targets" || type === "variables") && Object.keys(more).length === 0;
  if (!isKnown || !["table", "json"].includes(format))
    throw new CooperError("invalid-argument", `invalid value "${text}" for --list`, {
      hint: "there are targets and variables, and type=targets,format=json",
    });
  const rows: readonly object[] =
    type === "targets"
      ? listTargets(definition)
      : definition.variables.map(({ name, value, description }) => ({
          Name: name,
          Value: value,
          Description: description ?? "",
        }));
  if (format === "json") return `${JSON.stringify(rows.map(withSmallKeys), null, 2)}\n`;
  const value = { header: "VALUE", template: "{{.Value}}" };
  return formatRows({
    rows,
    columns: [
      { header: type === "targets" ? "TARGET" : "VARIABLE", template: "{{.Name}}" },
      ...(type === "targets" ? [] : [value]),
      { header: "DESCRIPTION", template: "{{.Description}}" },
    ],
  });
}

const withSmallKeys = (row: object) =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== "" && value !== false)
      .map(([key, value]) => [key === "IsGroup" ? "group" : key.toLowerCase(), value]),
  );

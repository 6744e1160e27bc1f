/** `context`: other engines by name, in the files of docker's client. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, messageOf } from "../../errors.ts";
import { flagSwitch, string } from "../../option.ts";
import {
  type Context,
  type ContextPlace,
  checkContextName,
  contextDocument,
  contextPlace,
  contextStorage,
  contextTarget,
  contextTls,
  currentContext,
  findContext,
  listContexts,
  needContext,
  removeContext,
  saveContext,
  setCurrentContext,
} from "../../remote/contexts.ts";
import { type CommandContext, type CommandOptions, defineCommand } from "../command.ts";
import { print, tell } from "../output.ts";
import { pairs } from "../pairs.ts";
import { formatRows } from "../table.ts";
import { compileTemplate } from "../template/template.ts";

type Caller = Pick<CommandContext<CommandOptions>, "global" | "engine">;

export const placeOf = ({ global }: Pick<Caller, "global">): ContextPlace =>
  contextPlace(process.env, global.configDirectory);

const ownSocket = ({ engine }: Caller) => `unix://${join(engine.host.paths.run, "cooper.sock")}`;

/** Which one commands of docker's go to, and ours with --remote; `default` is this machine's. */
function currentName(caller: Caller): string {
  const { name } = caller.global.remote;
  if (name !== null) return name.text;
  if (process.env.DOCKER_HOST) return "default";
  return process.env.DOCKER_CONTEXT || (currentContext(placeOf(caller)) ?? "default");
}

const docker = {
  flag: "--docker",
  type: { ...string, placeholder: "KEY=VALUE,…" },
  help: "host=URL, ca=FILE, cert=FILE, key=FILE, skip-tls-verify=BOOL, from=CONTEXT",
} as const;
const description = { flag: "--description", type: string, help: "What it is" } as const;
const force = { flag: "--force", short: "-f", type: flagSwitch } as const;

/** What `--docker` says, over what there was. */
function withDocker(
  place: ContextPlace,
  before: Context,
  text: string,
): { context: Context; tls: Record<string, Uint8Array> | null } {
  const values = pairs(text.split(","), "docker endpoint");
  const { host, ca, cert, key, from, "skip-tls-verify": skips, ...more } = values;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined)
    throw new CooperError("invalid-argument", `unknown key "${unknown}" of a docker endpoint`, {
      hint: docker.help,
    });
  const source = from === undefined ? undefined : needContext(place, from);
  const names = { "ca.pem": ca, "cert.pem": cert, "key.pem": key };
  const given = Object.entries(names).filter(([, file]) => file !== undefined);
  const tls =
    given.length > 0
      ? Object.fromEntries(given.map(([name, file]) => [name, readBytes(file ?? "")]))
      : source === undefined
        ? null
        : contextTls(place, source);
  const context: Context = {
    ...before,
    host: host ?? source?.host ?? before.host,
    skipsVerification:
      skips === undefined
        ? (source ?? before).skipsVerification
        : ["1", "t", "true"].includes(skips.toLowerCase()),
    tlsFiles: tls === null ? before.tlsFiles : Object.keys(tls),
  };
  if (context.host === "")
    throw new CooperError("invalid-argument", "a docker endpoint needs host=URL");
  contextTarget(place, context); // what cannot be asked is not kept
  return { context, tls };
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CooperError("invalid-argument", `cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

const newContext = (name: string): Context => ({
  name,
  description: "",
  host: "",
  skipsVerification: false,
  tlsFiles: [],
  more: {},
});

export const create = defineCommand({
  isHere: true,
  summary: "Give another engine a name",
  usage: "CONTEXT",
  description: "It is kept where docker's client looks for it too: ~/.docker/contexts.",
  examples: [
    "cooper context create box --docker host=ssh://me@box",
    "cooper context create far --docker host=tcp://far:2376,ca=ca.pem,cert=cert.pem,key=key.pem",
  ],
  options: {
    docker,
    description,
    from: {
      flag: "--from",
      type: { ...string, placeholder: "CONTEXT" },
      help: "Begin with what another context says",
    },
  },
  args: { min: 1, max: 1 },
  completes: "none",
  staysOutside: true,
  async run({ args: [name = ""], options, global }) {
    const place = placeOf({ global });
    checkContextName(name);
    if (findContext(place, name) !== undefined)
      throw new CooperError("name-in-use", `context "${name}" already exists`, {
        hint: `cooper context update ${name}, or choose another name`,
      });
    const source = options.from === undefined ? undefined : needContext(place, options.from);
    if (options.docker === undefined && source === undefined)
      throw new CooperError("invalid-argument", "a context needs --docker host=URL, or --from");
    const before: Context = { ...(source ?? newContext(name)), name };
    const { context, tls } =
      options.docker === undefined
        ? { context: before, tls: null }
        : withDocker(place, before, options.docker);
    const files = tls ?? (source === undefined ? {} : contextTls(place, source));
    const shown = options.description ?? context.description;
    await saveContext(place, { ...context, description: shown }, files);
    print(`${name}\n`);
    tell(`Successfully created context "${name}"\n`);
  },
});

export const update = defineCommand({
  isHere: true,
  summary: "Change where a context leads",
  usage: "CONTEXT",
  options: { docker, description },
  args: { min: 1, max: 1 },
  completes: "none",
  staysOutside: true,
  async run({ args: [name = ""], options, global }) {
    const place = placeOf({ global });
    const before = needContext(place, name);
    if (options.docker === undefined && options.description === undefined)
      throw new CooperError("invalid-argument", "nothing to change: --docker or --description");
    const { context, tls } =
      options.docker === undefined
        ? { context: before, tls: null }
        : withDocker(place, before, options.docker);
    await saveContext(
      place,
      { ...context, description: options.description ?? context.description },
      tls,
    );
    print(`${name}\n`);
    tell(`Successfully updated context "${name}"\n`);
  },
});

export const ls = defineCommand({
  isHere: true,
  summary: "List contexts",
  usage: "",
  options: {
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only names" },
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run(caller) {
    const { options } = caller;
    const current = currentName(caller);
    const here = { ...newContext("default"), host: ownSocket(caller) };
    const all = [
      { ...here, description: "The engine of this machine" },
      ...listContexts(placeOf(caller)),
    ];
    if (options.quiet) return print(all.map(({ name }) => `${name}\n`).join(""));
    const rows = all.map(({ name, description: text, host }) => ({
      Name: name,
      NameMark: name === current ? `${name} *` : name,
      Description: text,
      DockerEndpoint: host,
      Current: name === current,
      Error: "",
    }));
    print(
      formatRows({
        rows,
        columns: [
          { header: "NAME", template: "{{.NameMark}}" },
          { header: "DESCRIPTION", template: "{{.Description}}" },
          { header: "DOCKER ENDPOINT", template: "{{.DockerEndpoint}}" },
        ],
        format: options.format,
        json: () => rows.map(({ NameMark: _, ...row }) => row),
      }),
    );
  },
});

export const inspect = defineCommand({
  isHere: true,
  summary: "Show all that is known of contexts",
  usage: "[CONTEXT...]",
  options: {
    format: {
      flag: "--format",
      short: "-f",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, or a Go template",
    },
  },
  args: { min: 0 },
  completes: "none",
  staysOutside: true,
  async run(caller) {
    const { args, options } = caller;
    const place = placeOf(caller);
    const names = args.length > 0 ? args : [currentName(caller)];
    const documents = names.map((name) => {
      const isHere = name === "default";
      const context = isHere
        ? { ...newContext(name), host: ownSocket(caller) }
        : needContext(place, name);
      return {
        ...contextDocument(context),
        TLSMaterial: context.tlsFiles.length > 0 ? { docker: context.tlsFiles } : {},
        Storage: isHere
          ? { MetadataPath: "<IN MEMORY>", TLSPath: "<IN MEMORY>" }
          : contextStorage(place, name),
      };
    });
    if (options.format === undefined || options.format === "json")
      return print(`${JSON.stringify(documents, null, 4)}\n`);
    const template = compileTemplate(options.format);
    for (const document of documents) print(`${template.render(document)}\n`);
  },
});

export const show = defineCommand({
  isHere: true,
  summary: "Print the name of the current context",
  usage: "",
  options: {},
  args: { min: 0, max: 0 },
  staysOutside: true,
  run: async (caller) => print(`${currentName(caller)}\n`),
});

export const use = defineCommand({
  isHere: true,
  summary: "Choose the context of docker's client, and of cooper --remote",
  usage: "CONTEXT",
  description:
    "Commands without --remote stay on this machine's engine. To ask another one each time: export DOCKER_CONTEXT=CONTEXT.",
  options: {},
  args: { min: 1, max: 1 },
  completes: "none",
  staysOutside: true,
  async run(caller) {
    const [name = ""] = caller.args;
    const place = placeOf(caller);
    if (name !== "default") needContext(place, name);
    await setCurrentContext(place, name === "default" ? null : name);
    print(`${name}\n`);
    tell(`Current context is now "${name}"\n`);
    if (process.env.DOCKER_HOST)
      tell("Warning: DOCKER_HOST is set, and goes before the current context\n");
    else if (name !== "default" && process.env.DOCKER_CONTEXT !== name)
      tell(`To have cooper ask it: cooper --remote, or export DOCKER_CONTEXT=${name}\n`);
  },
});

export const rm = defineCommand({
  isHere: true,
  summary: "Remove contexts",
  usage: "CONTEXT [CONTEXT...]",
  options: { force: { ...force, help: "Also the current one; one that is missing is no error" } },
  args: { min: 1 },
  completes: "none",
  staysOutside: true,
  run(caller) {
    const { args, options, forEach } = caller;
    const place = placeOf(caller);
    return forEach(args, async (name) => {
      if (name === "default")
        throw new CooperError(
          "conflict",
          'context "default" is this machine: it cannot be removed',
        );
      if (findContext(place, name) === undefined && options.force) return undefined;
      needContext(place, name);
      const isCurrent = currentContext(place) === name;
      if (isCurrent && !options.force)
        throw new CooperError("conflict", `context "${name}" is in use`, {
          hint: "choose another one with cooper context use, or use --force",
        });
      if (isCurrent) await setCurrentContext(place, null);
      removeContext(place, name);
      return name;
    });
  },
});

export const exportContext = defineCommand({
  isHere: true,
  summary: "Write a context to a file",
  usage: "CONTEXT [FILE|-]",
  options: {},
  args: { min: 1, max: 2 },
  completes: "none",
  staysOutside: true,
  async run({ args: [name = "", file = `${name}.dockercontext`], global }) {
    const place = placeOf({ global });
    const { exportContext: write } = await import("../../remote/context-archive.ts");
    await write(place, needContext(place, name), file);
    if (file !== "-") tell(`Written file "${file}"\n`);
  },
});

export const importContext = defineCommand({
  isHere: true,
  summary: "Read a context from a file",
  usage: "CONTEXT FILE|-",
  options: {},
  args: { min: 2, max: 2 },
  completes: "file",
  staysOutside: true,
  async run({ args: [name = "", file = "-"], global }) {
    const place = placeOf({ global });
    checkContextName(name);
    if (findContext(place, name) !== undefined)
      throw new CooperError("name-in-use", `context "${name}" already exists`);
    const { importContext: read } = await import("../../remote/context-archive.ts");
    await read(place, name, file);
    print(`${name}\n`);
    tell(`Successfully imported context "${name}"\n`);
  },
});

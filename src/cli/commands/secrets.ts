/** Commands on secrets. */
import { readFileSync } from "node:fs";
import { CooperError, errnoName } from "../../errors.ts";
import { flagSwitch, listOf, oneOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { humanAge } from "../human.ts";
import { print } from "../output.ts";
import { pairs } from "../pairs.ts";
import { formatRows } from "../table.ts";
import { compileTemplate } from "../template/template.ts";

const pair = { ...string, placeholder: "KEY=VALUE" };

export const create = defineCommand({
  summary: "Keep a secret",
  usage: "NAME FILE|-",
  description:
    "Kept sealed, with a key in another place than the store: /etc/cooper/secret.key, or cooper/secret.key in the user's configuration; COOPER_SECRET_KEY_FILE names another.",
  examples: [
    "cooper secret create db-password password.txt",
    'printf %s "$PASSWORD" | cooper secret create db-password -',
  ],
  options: {
    driver: {
      flag: "--driver",
      short: "-d",
      type: oneOf("file", "pass", "shell"),
      help: "Who keeps it",
      defaultText: "file",
    },
    driverOpts: { flag: "--driver-opts", type: listOf(pair), help: "Options of the driver" },
    env: { flag: "--env", type: flagSwitch, help: "FILE is the name of a variable that holds it" },
    ignore: { flag: "--ignore", type: flagSwitch, help: "One that is there already is no error" },
    label: { flag: "--label", short: "-l", type: listOf(pair), help: "Set a label" },
    replace: { flag: "--replace", type: flagSwitch, help: "Take the place of one of that name" },
    templateDriver: {
      flag: "--template-driver",
      type: string,
      help: "Driver for templates",
      refuse: "templates are of swarm mode, which there is not",
    },
  },
  args: { min: 2, max: 2 },
  completes: "file",
  async run({ engine, args: [name = "", source = ""], options }) {
    if (options.ignore && (await engine.secrets.exists(name))) {
      const [there] = await engine.secrets.list([`name=^${name.replace(/[.]/g, "\\.")}$`]);
      print(`${there?.id ?? name}\n`);
      return;
    }
    const secret = await engine.secrets.create({
      name,
      bytes: options.env ? variable(source) : file(source),
      driver: options.driver ?? "file",
      driverOptions: pairs(options.driverOpts, "driver option"),
      labels: pairs(options.label, "label"),
      replaces: options.replace ?? false,
    });
    print(`${secret.id}\n`);
  },
});

function variable(name: string): Uint8Array {
  const value = process.env[name];
  if (value === undefined)
    throw new CooperError("invalid-argument", `the environment has no variable ${name}`);
  return Buffer.from(value);
}

function file(path: string): Uint8Array {
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (cause) {
    if (errnoName(cause) !== "ENOENT") throw cause;
    throw new CooperError("invalid-argument", `no such file: ${path}`, { cause });
  }
}

export const exists = defineCommand({
  summary: "Tell by the exit status whether a secret exists",
  usage: "SECRET",
  options: {},
  args: { min: 1, max: 1 },
  completes: "secret",
  staysOutside: true,
  run: async ({ engine, args }) => ((await engine.secrets.exists(args[0] ?? "")) ? 0 : 1),
});

const format = {
  flag: "--format",
  type: { ...string, placeholder: "TEMPLATE" },
  help: "json, or a Go template",
} as const;

export const inspect = defineCommand({
  summary: "Show all that is known of secrets",
  usage: "SECRET [SECRET...]",
  options: {
    format: { ...format, short: "-f" },
    pretty: { flag: "--pretty", type: flagSwitch, help: "For people to read" },
    showSecret: { flag: "--showsecret", type: flagSwitch, help: "Show the secret itself too" },
  },
  args: { min: 1 },
  completes: "secret",
  async run({ engine, args, options, fail }) {
    const documents: Record<string, unknown>[] = [];
    let status = 0;
    for (const name of args) {
      try {
        documents.push(
          await engine.secrets.inspect(name, { showsBytes: options.showSecret ?? false }),
        );
      } catch (error) {
        status = await fail(error);
      }
    }
    if (options.pretty) print(documents.map(prettyText).join("\n"));
    else if (options.format === undefined || options.format === "json")
      print(`${JSON.stringify(documents, null, 4)}\n`);
    else {
      const template = compileTemplate(options.format);
      for (const document of documents) print(`${template.render(document)}\n`);
    }
    return status;
  },
});

const prettyTemplate = `ID:         {{.ID}}
Name:       {{.Spec.Name}}
Driver:     {{.Spec.Driver.Name}}
Labels:     {{range $key, $value := .Spec.Labels}}{{$key}}={{$value}} {{end}}
Created at: {{.CreatedAt}}
Updated at: {{.UpdatedAt}}
`;

const prettyText = (document: Record<string, unknown>) =>
  compileTemplate(prettyTemplate).render(document);

export const ls = defineCommand({
  summary: "List secrets",
  usage: "",
  options: {
    filter: {
      flag: "--filter",
      short: "-f",
      type: listOf(pair),
      help: "Only those that match: id, name, driver, label",
    },
    format: { ...format, help: "json, table or a Go template" },
    noHeading: {
      flag: "--noheading",
      short: "-n",
      type: flagSwitch,
      help: "Without the line of headings",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only ids" },
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, options }) {
    const secrets = await engine.secrets.list(options.filter);
    if (options.quiet && options.format === undefined) {
      print(secrets.map(({ id }) => `${id}\n`).join(""));
      return;
    }
    const age = (time: number) => humanAge(time, Date.now());
    print(
      formatRows({
        rows: secrets.map((secret) => ({
          ID: secret.id,
          Name: secret.name,
          Driver: secret.driver,
          CreatedAt: age(secret.createdAt),
          UpdatedAt: age(secret.updatedAt),
          Labels: secret.labels,
        })),
        columns: [
          { header: "ID", template: "{{.ID}}" },
          { header: "NAME", template: "{{.Name}}" },
          { header: "DRIVER", template: "{{.Driver}}" },
          { header: "CREATED", template: "{{.CreatedAt}}" },
          { header: "UPDATED", template: "{{.UpdatedAt}}" },
        ],
        headers: { Labels: "LABELS" },
        format: options.format,
        noHeading: options.noHeading,
      }),
    );
  },
});

export const rm = defineCommand({
  summary: "Remove secrets",
  usage: "SECRET [SECRET...]",
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "All secrets" },
    ignore: {
      flag: "--ignore",
      short: "-i",
      type: flagSwitch,
      help: "One that does not exist is no error",
    },
  },
  args: { min: 0 },
  completes: "secret",
  async run({ engine, args, options, forEach }) {
    if ((options.all ?? false) === args.length > 0)
      throw new CooperError("invalid-argument", "name secrets, or use --all: one of them");
    const names = options.all ? (await engine.secrets.list([])).map(({ id }) => id) : args;
    return forEach(names, async (name) => {
      try {
        return await engine.secrets.remove(name);
      } catch (error) {
        const isMissing = error instanceof CooperError && error.code === "no-such-object";
        if (isMissing && options.ignore) return undefined;
        throw error;
      }
    });
  },
});

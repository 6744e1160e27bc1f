/** `version`, `info`, `unshare`. */
import { constants as os, release } from "node:os";
import { flagSwitch, string } from "../../option.ts";
import { callerEnvironment } from "../../system/userns.ts";
import { version as versionNumber } from "../../version.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { printable } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

const format = {
  flag: "--format",
  short: "-f",
  type: { ...string, placeholder: "TEMPLATE" },
  help: "json, or a Go template",
} as const;

function show(document: object, template: string | undefined, text: () => string): void {
  if (template === undefined) print(text());
  else if (template === "json") print(`${JSON.stringify(document, null, 2)}\n`);
  else print(`${compileTemplate(template).render(document)}\n`);
}

export const version = defineCommand({
  summary: "Show the version",
  usage: "",
  description:
    "There is no server: the same program does all. Its block is there for scripts that ask for one, and shown where an engine elsewhere is asked.",
  options: { format },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ elsewhere, options }) {
    const architecture = process.arch === "x64" ? "amd64" : process.arch;
    const common = {
      Version: versionNumber,
      APIVersion: versionNumber,
      GoVersion: "",
      BunVersion: Bun.version,
      GitCommit: "",
      Built: 0,
      BuiltTime: "",
      BuildTime: "",
      OsArch: `linux/${architecture}`,
      Os: "linux",
      Arch: architecture,
    };
    const document = {
      Client: {
        ...common,
        Platform: { Name: "Cooper" },
        DefaultAPIVersion: versionNumber,
        Context: "default",
      },
      Server: {
        ...common,
        Platform: { Name: "Cooper" },
        ApiVersion: versionNumber,
        MinAPIVersion: versionNumber,
        KernelVersion: release(),
        Components: [{ Name: "Engine", Version: versionNumber, Details: {} }],
      },
    };
    const block = (title: string) => [
      title,
      `Version:      ${common.Version}`,
      `API Version:  ${common.APIVersion}`,
      `OS/Arch:      ${common.OsArch}`,
      `Bun Version:  ${common.BunVersion}`,
      "",
    ];
    const client = block("Client:       Cooper Engine").join("\n");
    const remote = elsewhere?.remote ?? null;
    if (remote === null) return show(document, options.format, () => client);
    const { spoken, document: server } = await remote.version();
    const whole = { ...document, Server: { ...server, APIVersion: spoken } };
    show(whole, options.format, () => `${client}\n${serverBlock(server, spoken)}`);
  },
});

/** As the client's block, of an engine elsewhere. */
function serverBlock(server: Readonly<Record<string, unknown>>, spoken: string): string {
  const { Platform, Version, Os, Arch } = server;
  const platform = Object(Platform) as { Name?: unknown };
  return [
    `Server:       ${platform.Name || "Docker Engine"}`,
    `Version:      ${Version}`,
    `API Version:  ${spoken}`,
    `OS/Arch:      ${Os}/${Arch}`,
  ]
    .map((line) => `${printable(line)}\n`)
    .join("");
}

export const info = defineCommand({
  summary: "Show the engine and the host",
  usage: "",
  examples: ["cooper info", "cooper info --format '{{.Host.OCIRuntime.Name}} {{.Driver}}'"],
  options: { format },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, options }) {
    const foreign = (await engine.remote?.foreignInfo()) ?? null;
    if (foreign !== null) {
      show(foreign, options.format, () => Bun.YAML.stringify(foreign, null, 2).concat("\n"));
      return;
    }
    const { infoDocument } = await import("../info-document.ts");
    const { podmanInfo } = await import("../../api/libpod/info.ts");
    const facts = await engine.system.info();
    show(infoDocument(facts), options.format, () =>
      Bun.YAML.stringify(podmanInfo(facts), null, 2).concat("\n"),
    );
  },
});

export const unshare = defineCommand({
  summary: "Run a command in the user namespace of rootless containers",
  usage: "[COMMAND [ARG...]]",
  description:
    "Without a command it is a shell. There, files in containers show the owners that the containers see.",
  options: {
    rootlessNetns: {
      flag: "--rootless-netns",
      type: flagSwitch,
      help: "Join the network namespace too",
      refuse: "joining the network of ordinary users is not supported yet",
    },
  },
  args: { min: 0 },
  stopsAtFirstWord: true,
  async run({ args }) {
    const argv = args.length > 0 ? [...args] : [process.env.SHELL ?? "/bin/sh"];
    const child = Bun.spawn(argv, {
      env: { ...process.env, ...callerEnvironment("") }, // a cooper in there acts for the same user
      stdio: ["inherit", "inherit", "inherit"],
    });
    // the terminal sends Ctrl-C to the child too; other signals are for whoever we stand for
    process.on("SIGINT", () => undefined);
    for (const name of ["SIGTERM", "SIGHUP", "SIGQUIT"] as const)
      process.on(name, () => child.kill(name));
    await child.exited;
    const signal = Object.entries(os.signals).find(([name]) => name === child.signalCode);
    return signal === undefined ? (child.exitCode ?? 0) : 128 + signal[1];
  },
});

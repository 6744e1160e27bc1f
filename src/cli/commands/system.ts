/** `version`, `info`, `unshare`. */
import { constants as os, release } from "node:os";
import { flagSwitch, string } from "../../option.ts";
import { cgroupVersion } from "../../system/cgroup.ts";
import { findProgram } from "../../system/program.ts";
import { callerEnvironment } from "../../system/userns.ts";
import { version as versionNumber } from "../../version.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
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
  options: { format },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ options }) {
    const client = {
      Version: versionNumber,
      APIVersion: versionNumber,
      OsArch: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
      Os: "linux",
      BunVersion: Bun.version,
    };
    show({ Client: client }, options.format, () =>
      [
        `Client:       Cooper Engine`,
        `Version:      ${client.Version}`,
        `OS/Arch:      ${client.OsArch}`,
        `Bun Version:  ${client.BunVersion}`,
        "",
      ].join("\n"),
    );
  },
});

export const info = defineCommand({
  summary: "Show the engine and the host",
  usage: "",
  options: { format },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, options }) {
    const { host } = engine;
    const containers = await engine.containers.list();
    const count = (state: string) =>
      containers.filter((container) => container.state === state).length;
    const document = {
      host: {
        arch: process.arch === "x64" ? "amd64" : process.arch,
        cgroupManager: host.settings.cgroupManager,
        cgroupVersion: `v${cgroupVersion()}`,
        canLimit: host.canLimit,
        conmon: { path: host.settings.conmonPath ?? findProgram("conmon") ?? "" },
        kernel: release(),
        os: "linux",
        ociRuntime: await runtimeOf(engine),
        security: { rootless: host.isRootless },
      },
      store: {
        graphDriverName: await engine.system.storageDriver(),
        graphRoot: host.paths.root,
        runRoot: host.paths.run,
        containerStore: {
          number: containers.length,
          paused: count("paused"),
          running: count("running"),
          stopped: containers.length - count("paused") - count("running"),
        },
      },
      version: { Version: versionNumber },
    };
    show(document, options.format, () => Bun.YAML.stringify(document, null, 2).concat("\n"));
  },
});

async function runtimeOf({
  host,
}: Parameters<typeof info.run>[0]["engine"]): Promise<{ name: string; path: string }> {
  const { findRuntime } = await import("../../container/runtime-choice.ts");
  try {
    const { name, path } = await findRuntime(host, null, host.settings.cgroupManager);
    return { name, path };
  } catch (error) {
    return { name: "none", path: error instanceof Error ? error.message : "" };
  }
}

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
      refuse: "there are no networks yet",
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

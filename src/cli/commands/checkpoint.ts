/** `container checkpoint` and `container restore`. */
import type { CheckpointReport } from "../../container/checkpoint/checkpoint.ts";
import { createOptions } from "../../container/options/table.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch, oneOf, path, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { all, latest, selectContainers } from "../select.ts";

const both = {
  all,
  latest,
  fileLocks: { flag: "--file-locks", type: flagSwitch, help: "Keep file locks" },
  keep: {
    flag: "--keep",
    short: "-k",
    type: flagSwitch,
    help: "Keep criu's log and counts, and with restore the checkpoint",
  },
  printStats: { flag: "--print-stats", type: flagSwitch, help: "Show as JSON how long it took" },
  tcpEstablished: {
    flag: "--tcp-established",
    type: flagSwitch,
    help: "Keep established TCP connections",
  },
  ignoreRootfs: {
    flag: "--ignore-rootfs",
    type: flagSwitch,
    help: "In a file: without what was changed in the image's files",
  },
  ignoreVolumes: {
    flag: "--ignore-volumes",
    type: flagSwitch,
    help: "In a file: without volumes",
  },
} as const;

const noPages = "memory is not dumped in several passes";

export const checkpoint = defineCommand({
  summary: "Freeze containers to the disk",
  usage: "[CONTAINER...]",
  description:
    "criu writes the state of all processes of a container, which ends; restore lets it go on. With --export everything that another machine needs goes to a file. Root only.",
  examples: [
    "cooper container checkpoint web",
    "cooper container checkpoint --export web.tar.zst --leave-running web",
  ],
  options: {
    ...both,
    compress: {
      flag: "--compress",
      short: "-c",
      type: oneOf("zstd", "gzip", "none"),
      help: "Compression of the file",
      defaultText: "zstd",
    },
    createImage: {
      flag: "--create-image",
      type: string,
      help: "Make an image of it",
      refuse: "checkpoints are kept in files: use --export",
    },
    export: {
      flag: "--export",
      short: "-e",
      type: { ...path, placeholder: "FILE" },
      help: "Write it to a file",
    },
    leaveRunning: {
      flag: "--leave-running",
      short: "-R",
      type: flagSwitch,
      help: "Let it run on",
    },
    preCheckpoint: {
      flag: "--pre-checkpoint",
      short: "-P",
      type: flagSwitch,
      help: "Dump memory only",
      refuse: noPages,
    },
    withPrevious: {
      flag: "--with-previous",
      type: flagSwitch,
      help: "Upon an earlier --pre-checkpoint",
      refuse: noPages,
    },
  },
  args: { min: 0 },
  completes: "running-container",
  async run({ engine, args, options, forEach }) {
    const names = await selectContainers(engine, args, options, ({ state }) => state === "running");
    if (options.export !== undefined && names.length > 1)
      throw new CooperError("invalid-argument", "one file holds one container");
    if (options.export === undefined && (options.ignoreRootfs || options.ignoreVolumes))
      throw new CooperError(
        "invalid-argument",
        "--ignore-rootfs and --ignore-volumes need --export",
      );
    const reports: CheckpointReport[] = [];
    const status = await forEach(names, async (name) => {
      const report = await engine.containers.checkpoint(name, {
        leavesRunning: options.leaveRunning ?? false,
        keeps: options.keep ?? false,
        tcpEstablished: options.tcpEstablished ?? false,
        fileLocks: options.fileLocks ?? false,
        export:
          options.export === undefined
            ? null
            : {
                file: options.export,
                compression: options.compress ?? "zstd",
                ignoresRootfs: options.ignoreRootfs ?? false,
                ignoresVolumes: options.ignoreVolumes ?? false,
              },
      });
      reports.push(report);
      return options.printStats ? undefined : report.id;
    });
    if (options.printStats) print(statistics("checkpoint", reports));
    return status;
  },
});

export const restore = defineCommand({
  summary: "Let containers go on from a checkpoint",
  usage: "[CONTAINER...]",
  examples: [
    "cooper container restore web",
    "cooper container restore --import web.tar.zst --name web2",
  ],
  options: {
    ...both,
    ignoreStaticIp: {
      flag: "--ignore-static-ip",
      type: flagSwitch,
      help: "With --import: without the addresses that were asked for",
    },
    ignoreStaticMac: {
      flag: "--ignore-static-mac",
      type: flagSwitch,
      help: "With --import: without the MAC address that was asked for",
    },
    import: {
      flag: "--import",
      short: "-i",
      type: { ...path, placeholder: "FILE" },
      help: "From a file that checkpoint --export wrote",
    },
    importPrevious: {
      flag: "--import-previous",
      type: path,
      help: "Upon an earlier --pre-checkpoint",
      refuse: noPages,
    },
    name: {
      flag: "--name",
      short: "-n",
      type: { ...string, placeholder: "NAME" },
      help: "With --import: its name",
      defaultText: "that of the original",
    },
    pod: { flag: "--pod", type: string, help: "Into a pod", refuse: "there are no pods yet" },
    tcpClose: {
      flag: "--tcp-close",
      type: flagSwitch,
      help: "Close TCP connections",
      refuse: "the OCI runtimes do not pass that on; leave --tcp-established out",
    },
  },
  specOptions: createOptions.filter(({ flag }) => flag === "--publish"),
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, spec, given, forEach }) {
    const how = {
      keeps: options.keep ?? false,
      tcpEstablished: options.tcpEstablished ?? false,
      fileLocks: options.fileLocks ?? false,
    };
    const reports: CheckpointReport[] = [];
    const noted = (report: CheckpointReport) => {
      reports.push(report);
      return options.printStats ? undefined : report.id;
    };
    const { import: file } = options;
    let status: number;
    if (file === undefined) {
      assertNoImport(given);
      const names = await selectContainers(
        engine,
        args,
        options,
        ({ state }) => state === "exited",
      );
      status = await forEach(names, async (name) =>
        noted(await engine.containers.restore(name, how)),
      );
    } else {
      if (args.length > 0)
        throw new CooperError("invalid-argument", "--import makes a container: name none");
      const imported = {
        ...how,
        name: options.name ?? null,
        ports: given.has("--publish") ? spec.networking.ports : null,
        ignoresRootfs: options.ignoreRootfs ?? false,
        ignoresVolumes: options.ignoreVolumes ?? false,
        ignoresStaticIp: options.ignoreStaticIp ?? false,
        ignoresStaticMac: options.ignoreStaticMac ?? false,
        createCommand: process.argv.slice(2),
      };
      status = await forEach([file], async () =>
        noted(await engine.containers.restoreArchive(file, imported)),
      );
    }
    if (options.printStats) print(statistics("restore", reports));
    return status;
  },
});

/** These say how a container is made, and without a file none is. */
function assertNoImport(given: ReadonlySet<string>): void {
  const flag = [
    ...["--name", "--publish", "--ignore-rootfs", "--ignore-volumes"],
    ...["--ignore-static-ip", "--ignore-static-mac"],
  ].find((one) => given.has(one));
  if (flag !== undefined) throw new CooperError("invalid-argument", `${flag} needs --import`);
}

/** In Podman's words, so that its scripts read them. */
function statistics(verb: "checkpoint" | "restore", reports: readonly CheckpointReport[]): string {
  const document = {
    [`podman_${verb}_duration`]: reports.reduce((sum, { microseconds }) => sum + microseconds, 0),
    container_statistics: reports.map(({ id, runtimeMicroseconds, criu }) => ({
      Id: id,
      [`runtime_${verb}_duration`]: runtimeMicroseconds,
      criu_statistics: criu,
    })),
  };
  return `${JSON.stringify(document, null, 4)}\n`;
}

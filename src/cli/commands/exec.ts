/** `exec`: run one more process in a container. */
import { envFile, environment } from "../../container/options/environment.ts";
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { flagSwitch, integer, listOf, path, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { preservedDescriptors } from "../preserved.ts";
import { latest, selectContainers } from "../select.ts";

export const exec = defineCommand({
  summary: "Run a process in a running container",
  usage: "CONTAINER COMMAND [ARG...]",
  examples: ["cooper exec -it web sh", "cooper exec --user 33 web id"],
  options: {
    latest,
    cidfile: { flag: "--cidfile", type: path, help: "Read the container's id from a file" },
    detach: {
      flag: "--detach",
      short: "-d",
      type: flagSwitch,
      help: "Leave it running in the background",
    },
    detachKeys: {
      flag: "--detach-keys",
      type: { ...string, placeholder: "KEYS" },
      help: "Keys that detach",
      defaultText: "ctrl-p,ctrl-q",
    },
    interactive: {
      flag: "--interactive",
      short: "-i",
      type: flagSwitch,
      help: "Keep its input open",
    },
    noSession: {
      flag: "--no-session",
      type: flagSwitch,
      help: "Keep no session",
      ignored: "the foreground never keeps one",
    },
    preserveFd: {
      flag: "--preserve-fd",
      type: listOf(string),
      help: "Descriptors to hand on: N,N",
    },
    preserveFds: {
      flag: "--preserve-fds",
      type: integer,
      help: "Hand on N descriptors, from 3 on",
    },
    privileged: { flag: "--privileged", type: flagSwitch, help: "Give it all capabilities" },
    tty: { flag: "--tty", short: "-t", type: flagSwitch, help: "Give it a terminal" },
    user: {
      flag: "--user",
      short: "-u",
      type: { ...string, placeholder: "USER[:GROUP]" },
      help: "Who it runs as",
    },
    wait: {
      flag: "--wait",
      type: { ...integer, placeholder: "SECONDS" },
      help: "How long to wait for the container to run",
      isHidden: true,
    },
    workdir: {
      flag: "--workdir",
      short: "-w",
      type: { ...path, placeholder: "DIR" },
      help: "Its working directory",
    },
  },
  specOptions: [environment, envFile],
  args: { min: 1 },
  stopsAtFirstWord: true,
  completes: "running-container",
  async run({ engine, args, options, spec }) {
    const { name, command } = await target(engine, args, options);
    await untilRunning(engine, name, options.wait ?? 0);
    const result = await engine.containers.exec(name, {
      command,
      env: envOf(spec),
      user: options.user ?? null,
      workdir: options.workdir ?? null,
      hasTty: options.tty ?? false,
      hasStdin: options.interactive ?? false,
      isPrivileged: options.privileged ?? false,
      isDetached: options.detach ?? false,
      detachKeys: options.detachKeys ?? null,
      preservedDescriptors: preservedDescriptors(
        options.preserveFds,
        options.preserveFd.flatMap((text) => text.split(",")),
      ),
    });
    if (typeof result === "number") return result;
    print(`${result}\n`);
    return 0;
  },
});

/** Returns when it runs or the time is over; what then is wrong, if anything, the exec itself tells. */
async function untilRunning(
  engine: Parameters<typeof exec.run>[0]["engine"],
  name: string,
  seconds: number,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    const [container] = await engine.containers.list([
      `id=${(await engine.containers.get(name)).id}`,
    ]);
    if (container?.state === "running") return;
    await Bun.sleep(50);
  }
}

const envOf = (spec: ContainerSpec) => (spec ?? emptySpec()).env;

async function target(
  engine: Parameters<typeof exec.run>[0]["engine"],
  args: readonly string[],
  options: { readonly latest?: boolean | undefined; readonly cidfile?: string | undefined },
): Promise<{ name: string; command: readonly string[] }> {
  const cidfile = options.cidfile === undefined ? [] : [options.cidfile];
  const isNamed = !options.latest && cidfile.length === 0;
  const names = isNamed ? args.slice(0, 1) : [];
  const [name = ""] = await selectContainers(engine, names, { latest: options.latest, cidfile });
  return { name, command: isNamed ? args.slice(1) : args };
}

/** `port`: what a container has published. */
import { CooperError } from "../../errors.ts";
import type { PublishedPort } from "../../network/model.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { all, latest } from "../select.ts";

export const port = defineCommand({
  summary: "Show the published ports of a container",
  usage: "CONTAINER [PORT[/PROTOCOL]]",
  examples: ["cooper port web", "cooper port web 80/tcp"],
  options: { all, latest },
  args: { min: 0, max: 2 },
  completes: "running-container",
  staysOutside: true,
  async run({ engine, args, options }) {
    const hasNoName = options.all || options.latest;
    const asked = hasNoName ? args[0] : args[1];
    if (!hasNoName && args.length === 0)
      throw new CooperError("invalid-argument", "name a container, or use --all or --latest");
    const containers = await engine.containers.list();
    const chosen = options.all
      ? containers
      : options.latest
        ? containers.slice(-1)
        : [await engine.containers.get(args[0] ?? "")];
    for (const { id, name } of chosen) {
      const ports = (await engine.networks.ports(id)).flatMap(singles);
      if (options.all) {
        const lines = ports.map((one) => `${id.slice(0, 12)}\t${lineOf(one)}`);
        print(lines.map((line) => `${line}\n`).join(""));
      } else if (asked === undefined) {
        print(ports.map((one) => `${lineOf(one)}\n`).join(""));
      } else {
        print(oneText(ports, asked, name));
      }
    }
  },
});

/** A range as its ports. */
function singles(range: PublishedPort): PublishedPort[] {
  return Array.from({ length: range.count }, (_, at) => ({
    ...range,
    hostPort: range.hostPort + at,
    containerPort: range.containerPort + at,
    count: 1,
  }));
}

const hostText = ({ hostAddress, hostPort }: PublishedPort) =>
  `${hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress}:${hostPort}`;

const lineOf = (one: PublishedPort) => `${one.containerPort}/${one.protocol} -> ${hostText(one)}`;

function oneText(ports: readonly PublishedPort[], asked: string, name: string): string {
  const [number = "", protocol = "tcp"] = asked.split("/");
  const found = ports.filter(
    (one) => `${one.containerPort}` === number && one.protocol === protocol,
  );
  if (found.length === 0) {
    throw new CooperError(
      "no-such-object",
      `no public port '${number}/${protocol}' published for ${name}`,
    );
  }
  return found.map((one) => `${hostText(one)}\n`).join("");
}

/** `system dial-stdio`: what clients elsewhere run by ssh. */
import { CooperError } from "../../errors.ts";
import { defineCommand } from "../command.ts";

export const dialStdio = defineCommand({
  isHere: true,
  summary: "Connect standard input and output to the engine's API",
  usage: "",
  description:
    "Clients run it by ssh: docker -H ssh://HOST and cooper -H ssh://HOST. The service is started where none listens, and ends by itself.",
  options: {},
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, global }) {
    const { dialStdio: dial } = await import("../../remote/dial.ts");
    const { parseTarget } = await import("../../remote/target.ts");
    const { url } = global.remote;
    const target = url === null ? null : parseTarget(url, { tls: null, identity: null });
    if (target !== null && target.kind !== "unix")
      throw new CooperError("invalid-argument", "--host must be a socket of this machine: unix://");
    await dial(engine.host, target);
  },
});

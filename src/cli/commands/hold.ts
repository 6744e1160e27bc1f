/** Hidden: the child that keeps a container frozen for as long as its parent has the pipe open. */
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";

export const hold = defineCommand({
  summary: "",
  usage: "",
  options: {},
  args: { min: 1, max: 1 },
  isHidden: true,
  async run({ engine, args }) {
    await engine.containers.hold(args[0] ?? "", Bun.stdin.stream(), () => print("held\n"));
  },
});

/** Hidden: the children that let a frozen container go on when their parent is done or dead. */
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

export const thaw = defineCommand({
  summary: "",
  usage: "",
  options: {},
  args: { min: 1, max: 1 },
  isHidden: true,
  run: async ({ engine, args }) => engine.containers.thaw(args[0] ?? "", Bun.stdin.stream()),
});

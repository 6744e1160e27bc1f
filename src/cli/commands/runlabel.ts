/** `container runlabel`: the command that a label of an image holds. */
import { CooperError } from "../../errors.ts";
import { flagSwitch, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { labelCommand } from "../label-command.ts";
import { print } from "../output.ts";
import { fetchOf } from "./fetch-options.ts";
import { accessOptions } from "./registry-options.ts";
import { signaturePolicy } from "./trust-options.ts";

export const runlabel = defineCommand({
  summary: "Run the command that a label of an image holds",
  usage: "LABEL IMAGE [ARG...]",
  description:
    "The label's command begins with podman, docker or cooper and is run by cooper. IMAGE, NAME, $IMAGE, $NAME, $PWD, $OPT1 to $OPT3, $SUDO_UID and $SUDO_GID in it are replaced.",
  examples: [
    "cooper container runlabel --display install localhost/web",
    "cooper container runlabel run localhost/web",
  ],
  options: {
    ...accessOptions,
    display: { flag: "--display", type: flagSwitch, help: "Show the command without running it" },
    name: {
      flag: "--name",
      short: "-n",
      type: { ...string, placeholder: "NAME" },
      help: "What NAME in the label stands for",
      defaultText: "the last word of the image's name",
    },
    opt1: { flag: "--opt1", type: string, help: "What $OPT1 stands for", isHidden: true },
    opt2: { flag: "--opt2", type: string, help: "What $OPT2 stands for", isHidden: true },
    opt3: { flag: "--opt3", type: string, help: "What $OPT3 stands for", isHidden: true },
    pull: {
      flag: "--pull",
      type: flagSwitch,
      help: "Pull the image",
      isHidden: true,
      ignored: "it is pulled when it is not here",
    },
    signaturePolicy: { ...signaturePolicy, isHidden: true },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Pull without progress" },
    replace: {
      flag: "--replace",
      type: flagSwitch,
      help: "A container of that name is removed first",
    },
  },
  args: { min: 2 },
  stopsAtFirstWord: true,
  completes: "image",
  async run({ engine, args, options }) {
    const [label = "", image = "", ...more] = args;
    const { name: found, labels } = await engine.images.labels(image, fetchOf(options));
    const text = labels[label];
    if (text === undefined) {
      const others = Object.keys(labels).join(", ");
      throw new CooperError("invalid-argument", `image ${image} has no label "${label}"`, {
        ...(others !== "" && { hint: `it has ${others}` }),
      });
    }
    const name = options.name ?? null;
    const words = labelCommand(text, {
      image: found,
      name,
      args: more,
      env: { ...process.env, ...optionVariables(options) },
      directory: process.cwd(),
    });
    if (options.display) {
      print(`command: cooper ${words.join(" ")}\n`);
      return 0;
    }
    const named = name ?? words[words.indexOf("--name") + 1];
    if (options.replace && named !== undefined && (await engine.containers.exists(named)))
      await engine.containers.remove(named, { force: true, volumes: false, graceSeconds: null });
    const { paths, forwardedArgs } = engine.host;
    const store = ["--root", paths.root, "--runroot", paths.run, ...forwardedArgs];
    const { runCommandLine } = await import("../run-command-line.ts");
    return runCommandLine([...store, ...words]);
  },
});

/** What the options set goes before the caller's variables of those names. */
function optionVariables(options: Partial<Record<"opt1" | "opt2" | "opt3", string | undefined>>) {
  const named = { OPT1: options.opt1, OPT2: options.opt2, OPT3: options.opt3 };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

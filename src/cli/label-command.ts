/** The command that a label of an image holds, as podman-container-runlabel(1) reads it (pure). */
import { CooperError } from "../errors.ts";
import { splitWords } from "../words.ts";

export interface LabelFacts {
  /** Fully qualified. */
  readonly image: string;
  /** null: the image's last word. */
  readonly name: string | null;
  /** Follow the label's own words. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
}

/** What of the caller's environment a label may use. */
const openVariables = ["OPT1", "OPT2", "OPT3", "SUDO_UID", "SUDO_GID"];

/**
 * The words of a command of ours.
 *
 * @throws CooperError not-supported for another program: an image shall not choose what the host runs
 */
export function labelCommand(text: string, facts: LabelFacts): string[] {
  const { image, env, directory } = facts;
  const name = facts.name ?? image.replace(/(:[^:/]+)?(@.*)?$/, "").replace(/^.*\//, "");
  const [program = "", ...words] = splitWords(text);
  if (!/^(.*\/)?(podman|docker|cooper)$/.test(program)) {
    throw new CooperError(
      "not-supported",
      `the label asks for the program "${program}" of the host, which an image may not choose`,
      { hint: "labels of podman, docker and cooper commands are run" },
    );
  }
  const values: Record<string, string> = { IMAGE: image, NAME: name, PWD: directory };
  for (const key of openVariables) values[key] = env[key] ?? "";
  return [
    ...words.map((word) => expand(word, values)).filter((word) => word !== ""),
    ...facts.args,
  ];
}

/** `IMAGE` and `NAME` stand for themselves where they are a word, or follow their own name and `=`. */
function expand(word: string, values: Readonly<Record<string, string>>): string {
  const bare = /^(?:(IMAGE|NAME)=)?(IMAGE|NAME)$/.exec(word);
  if (bare !== null && (bare[1] === undefined || bare[1] === bare[2])) {
    const value = values[bare[2] ?? ""] ?? "";
    return bare[1] === undefined ? value : `${bare[1]}=${value}`;
  }
  return word.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (_, braced: string | undefined, plain: string | undefined) =>
      values[braced ?? plain ?? ""] ?? "",
  );
}

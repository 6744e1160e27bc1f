/** What a row of the tables of words is. */
import type { ContainerFacts } from "../evidence.ts";
import type { Change } from "../words.ts";

/** One row: the words, and what they mean for this container. */
export interface SaidRule {
  readonly id: string;
  readonly pattern: RegExp;
  /** Where the words alone could mean something else. */
  readonly when?: (container: ContainerFacts, match: RegExpMatchArray) => boolean;
  readonly cause: (match: RegExpMatchArray, container: ContainerFacts) => string;
  readonly facts?: (container: ContainerFacts, match: RegExpMatchArray) => readonly string[];
  /** How the container is to be made anew. */
  readonly change?: (match: RegExpMatchArray, container: ContainerFacts) => Change | null;
  /** Commands instead of that. */
  readonly cures?: (match: RegExpMatchArray, container: ContainerFacts) => readonly string[];
  readonly advice?: (match: RegExpMatchArray, container: ContainerFacts) => string | null;
}

/** A container that is made anew with these options. */
export function withOptions(...options: string[]): Change {
  return { options };
}

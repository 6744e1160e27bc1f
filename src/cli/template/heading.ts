/** The heading of a `--format 'table …'`: the template's text with names in place of values. */
import type { Command, Node, Operand, Pipeline } from "./ast.ts";

/**
 * What stands above the rows that `nodes` make: `name` gives the heading of a field. A field in the
 * test of an `if` gives none, a loop gives that of what it prints or runs over.
 */
export function headingOf(nodes: readonly Node[], name: (field: string) => string): string {
  return nodesHeading(nodes, name, "");
}

/** `dot` is the heading of `.`: empty at the top, that of its list within a `range`. */
function nodesHeading(
  nodes: readonly Node[],
  name: (field: string) => string,
  dot: string,
): string {
  const parts = nodes.map((node): string => {
    switch (node.kind) {
      case "text":
        return node.text;
      case "action":
        return node.pipeline.variables.length > 0 ? "" : pipelineHeading(node.pipeline, name, dot);
      case "if":
        return nodesHeading(node.body, name, dot);
      case "with":
        return nodesHeading(node.body, name, pipelineHeading(node.pipeline, name, dot));
      case "range": {
        const list = pipelineHeading(node.pipeline, name, dot);
        // The texts of a loop separate its items, of which the heading has only one.
        const shown = node.body.filter((child) => child.kind !== "text");
        return nodesHeading(shown, name, list) || list;
      }
      default:
        return "";
    }
  });
  return parts.join("");
}

function pipelineHeading(pipeline: Pipeline, name: (field: string) => string, dot: string): string {
  for (const command of pipeline.commands) {
    const heading =
      labelHeading(command) ?? operandsHeading([command.head, ...command.args], name, dot);
    if (heading !== "") return heading;
  }
  return "";
}

/** `.Label "com.example.some-role"` is headed SOME ROLE, as in docker; a `"\t"` by itself is kept. */
function labelHeading({ head, args }: Command): string | undefined {
  const [key] = args;
  if (head.kind === "literal") return String(head.value);
  if (head.kind !== "field" || key?.kind !== "literal") return undefined;
  return String(key.value).split(".").at(-1)?.replaceAll(/[-_]/g, " ").toUpperCase();
}

function operandsHeading(
  operands: readonly Operand[],
  name: (field: string) => string,
  dot: string,
): string {
  for (const operand of operands) {
    const heading = operandHeading(operand, name, dot);
    if (heading !== "") return heading;
  }
  return "";
}

function operandHeading(operand: Operand, name: (field: string) => string, dot: string): string {
  switch (operand.kind) {
    case "dot":
      return dot;
    case "field":
    case "variable":
    case "chain": {
      const field = operand.path.at(-1);
      return field === undefined ? dot : name(field);
    }
    case "pipeline":
      return pipelineHeading(operand, name, dot);
    default:
      return "";
  }
}

/** `image sbom`: a bill of materials. */
import { writeFileSync } from "node:fs";
import { oneOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print, tell } from "../output.ts";
import { formatRows } from "../table.ts";

export const sbom = defineCommand({
  summary: "List the software in an image",
  usage: "IMAGE",
  description:
    "Finds what dpkg, apk, rpm (since 4.16), npm and Python's installers have written down. The same image always gives the same document.",
  examples: [
    "cooper image sbom docker.io/library/debian",
    "cooper image sbom --format spdx-json --output web.spdx.json web",
  ],
  options: {
    format: {
      flag: "--format",
      type: oneOf("table", "spdx-json", "cyclonedx-json"),
      help: "A table (default), or a document",
    },
    output: {
      flag: "--output",
      short: "-o",
      type: { ...string, placeholder: "FILE" },
      help: "Write it there",
    },
  },
  args: { min: 1, max: 1 },
  completes: "image",
  async run({ engine, args, options }) {
    const { inventory, spdx, cycloneDx } = await engine.images.sbom(args[0] ?? "");
    if (inventory.isCut)
      tell(
        "Warning: parts of the image are too large to be looked at; the list may be incomplete\n",
      );
    const document =
      options.format === "spdx-json"
        ? spdx
        : options.format === "cyclonedx-json"
          ? cycloneDx
          : undefined;
    const text =
      document === undefined
        ? formatRows({
            rows: inventory.packages.map((found) => ({
              Type: found.kind,
              Name: found.name,
              Version: found.version,
              Place: `/${found.place}`,
            })),
            columns: [
              { header: "NAME", template: "{{.Name}}" },
              { header: "VERSION", template: "{{.Version}}" },
              { header: "TYPE", template: "{{.Type}}" },
              { header: "FOUND IN", template: "{{.Place}}" },
            ],
            headers: {},
            format: undefined,
            noHeading: false,
          })
        : `${JSON.stringify(document, null, 2)}\n`;
    if (options.output === undefined) print(text);
    else writeFileSync(options.output, text);
  },
});

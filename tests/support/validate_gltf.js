// Prints what the Khronos validator says of each GLB named on the command line, as JSON.
const fs = require("fs");
const validator = require("gltf-validator");

Promise.all(
  process.argv.slice(2).map(async (path) => {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(path)));
    const { numErrors, numWarnings, messages } = report.issues;
    return { path, numErrors, numWarnings, messages, info: report.info };
  }),
).then((reports) => console.log(JSON.stringify(reports)));

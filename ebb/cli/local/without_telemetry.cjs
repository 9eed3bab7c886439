// Loaded into Azurite before it starts: the client of its telemetry is not. Loading that takes longer than all the rest,
// and with --disableTelemetry Azurite never uses it.
const Module = require("module");
const load = Module._load;
Module._load = (name, ...rest) => (name === "applicationinsights" ? {} : load(name, ...rest));

// Loaded into Azurite before it starts: its clock goes ahead by the milliseconds that the file AHEAD_FILE holds.
const fs = require("fs");
const Real = Date;
const ahead = () => Number(fs.readFileSync(process.env.AHEAD_FILE, "utf8"));
global.Date = class extends Real {
  constructor(...given) {
    super(...(given.length ? given : [Real.now() + ahead()]));
  }
  static now() {
    return Real.now() + ahead();
  }
};

/* Says before a session on one's own pages ends, and lets it go on; without this script the page says until when it lasts. */
(function () {
  "use strict";

  var WARNED_BEFORE = 300;
  var bar = document.getElementById("own-session");
  if (!bar) return;
  var warning = document.getElementById("own-session-warning");
  var over = document.getElementById("own-session-over");
  var timers = [];

  function show(left) {
    warning.hidden = left > WARNED_BEFORE || left <= 0;
    over.hidden = left > 0;
  }

  function wait(left) {
    timers.forEach(clearTimeout);
    show(left);
    timers = [
      setTimeout(function () { show(WARNED_BEFORE); }, Math.max(0, left - WARNED_BEFORE) * 1000),
      setTimeout(function () { show(0); }, left * 1000)
    ];
  }

  document.getElementById("own-session-stay").addEventListener("click", function () {
    fetch(bar.dataset.stay, { method: "POST", headers: { Accept: "application/json" } }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    }).then(function (session) { wait(session.seconds); }, function () { show(0); });
  });

  wait(Number(bar.dataset.seconds));
})();

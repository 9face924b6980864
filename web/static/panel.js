/* What can be done with a case stays in view beside what is read of it, where the window has room for the whole of it;
   and what is chosen from a list in a panel is said in full below, where the list has no room for it. */
(function () {
  "use strict";

  var panel = document.querySelector(".case__panel");

  function place() {
    panel.classList.remove("case__panel--stays");
    panel.classList.toggle("case__panel--stays", panel.offsetHeight <= window.innerHeight);
  }

  function isCut(list, text) {
    var look = getComputedStyle(list), pen = document.createElement("canvas").getContext("2d");
    pen.font = look.fontWeight + " " + look.fontSize + " " + look.fontFamily;
    var room = list.clientWidth - parseFloat(look.paddingLeft) - parseFloat(look.paddingRight);
    return list.clientWidth > 0 && pen.measureText(text).width > room;
  }

  function sayInFull(list) {
    var whole = document.createElement("p");
    whole.className = "whole-choice";
    whole.setAttribute("aria-hidden", "true"); // who listens is told the choice by the list
    list.after(whole);

    function say() {
      var text = list.selectedOptions.length ? list.selectedOptions[0].text : "";
      whole.textContent = list.value && isCut(list, text) ? text : "";
      whole.hidden = !whole.textContent;
    }

    say();
    list.addEventListener("change", say);
    window.addEventListener("resize", say);
  }

  // A usual question ticks the fields that it is about, as long as nobody has ticked others.
  function tickUsual(boxes) {
    var list = document.getElementById("decision-usual");
    if (!list) return;
    var fields = JSON.parse(boxes.dataset.usual), all = Array.from(boxes.querySelectorAll("input"));

    function isOf(box, code) { return (fields[code] || []).indexOf(box.name.slice("fields.".length)) !== -1; }

    var before = list.value;
    list.addEventListener("change", function () {
      var own = all.some(function (box) { return box.checked && !isOf(box, before); });
      if (!own) all.forEach(function (box) { box.checked = isOf(box, list.value); });
      before = list.value;
    });
  }

  document.querySelectorAll(".panel select").forEach(sayInFull);
  document.querySelectorAll("#decision-fields").forEach(tickUsual);
  if (!panel) return;
  place();
  window.addEventListener("load", place); // the fonts may have changed its height
  window.addEventListener("resize", place);
})();

"""The officials' pages in a real browser. As a package these tests have one site, which ends with the last of them."""

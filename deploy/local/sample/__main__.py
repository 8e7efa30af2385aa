"""`python -m deploy.local.sample` writes the sample's potential workers, deploy/local/data/potentials.csv, anew."""

from deploy.local.sample.potentials import FILE, potentials_csv

if __name__ == "__main__":
    FILE.write_text(potentials_csv())

"""What a program that wants the vector of one sentence does with sentence-transformers. usage: st_startup.py MODEL"""
import sys

from sentence_transformers import SentenceTransformer

vector = SentenceTransformer(sys.argv[1], device="cpu").encode("How do I keep my houseplants alive in winter?")
print(f'{{"width": {len(vector)}}}')

"""First and last names of many cultures, for people who do not exist."""

from typing import Final

NAMES: Final = (
    (
        "Amelia Oliver Isla Noah Grace Harry Freya Jack Poppy Ewan Rhys Siobhán",
        "Whitaker Hughes Ashworth Bennett Doyle Fraser Llewellyn Marsh O’Connor Sinclair",
    ),
    (
        "Lucía Mateo Valentina Diego Camila Íñigo Ximena Javier Rocío Joaquín",
        "García Muñoz Fernández Ibáñez Castillo Peña Ortega Quiroga Salazar Vélez",
    ),
    (
        "Beatriz Thiago Inês João Mariana Caio Letícia Gonçalo Luana Rui",
        "Silva Araújo Carvalho Conceição Figueiredo Magalhães Nóbrega Teixeira Vasconcelos",
    ),
    (
        "Chloé Théo Manon Lucas Aïcha Étienne Maëlle Raphaël Inès Benoît",
        "Moreau Lefèvre Dubois Garnier Chevalier Béranger Delacroix Rousseau Traoré",
    ),
    (
        "Lena Jonas Anneliese Björn Mareike Jürgen Sabine Götz Wiebke Moritz",
        "Müller Schäfer Weiß Brandt Kessler Vogt Lindemann Grünwald Hartmann Köhler",
    ),
    (
        "Astrid Søren Ingrid Håkon Freja Mikael Sigríður Åsa Øystein Linnea",
        "Lindqvist Sørensen Bjørnstad Håkansson Dahl Nygård Ekström Þórsdóttir Virtanen",
    ),
    (
        "Zofia Łukasz Kateřina Ondřej Jadwiga Miloš Żaneta Radek Božena Bartłomiej",
        "Kowalczyk Wójcik Novák Dvořák Zieliński Procházka Żukowski Horváth Mazur",
    ),
    (
        "Olena Dmytro Svitlana Andriy Darya Bohdan Milica Nikola Yana Ruslan",
        "Shevchenko Kovalenko Petrović Bondarenko Todorova Marković Lysenko Ivanova",
    ),
    (
        "Eleni Giorgos Francesca Matteo Chiara Nikos Giulia Alessandro Ioanna Luca",
        "Papadopoulos Rossi Ferrari Karagiannis Esposito Vlachou Conti Marchetti Galanis",
    ),
    (
        "Elif Emre Zeynep Çağlar Defne Ömer Shirin Dariush Yasmin Navid",
        "Yılmaz Öztürk Demirci Şahin Hosseini Karimi Rahimi Aydın Tehrani",  # noqa: RUF001
    ),
    (
        "Layla Omar Fatima Youssef Noor Khalid Amina Tariq Salma Idris",
        "Haddad Mansour El-Sayed Benali Khoury Nasser Boutros Farouk Qasim",
    ),
    (
        "Noa Eitan Tamar Ariel Shira Yonatan Maya Avi Dalia Oren",
        "Cohen Levi Mizrahi Peretz Shapiro Azoulay Friedman Bar-On Katz",
    ),
    (
        "Amara Chinedu Zainab Kwame Nomvula Tendai Abena Sipho Wanjiru Ngozi",
        "Okafor Mensah Adeyemi Dlamini Mwangi Nkosi Boateng Chukwu Kamau Moyo",
    ),
    (
        "Ananya Arjun Priya Rohan Meera Vikram Lakshmi Imran Sana Harpreet",
        "Sharma Iyer Chatterjee Patel Rao Nair Singh Reddy Qureshi Banerjee",
    ),
    (
        "Wei Li-Na Mei Jun Xiu Hao Yan Zhen Ting Bo",
        "Wang Zhang Liu Chen Huang Lin Zhao Wu Xu Zhou",
    ),
    (
        "Yuki Haruto Sakura Kenji Aiko Min-Jun Seo-Yeon Ji-Woo Hye-Jin Ren",
        "Tanaka Sato Watanabe Kobayashi Nakamura Kim Park Choi Jeong Yoon",
    ),
    (
        "Linh Minh Thuy Anh Siti Budi Dewi Rizal Maria-Luz Kanya",
        "Nguyễn Trần Phạm Santoso Wijaya Abdullah Reyes Dela-Cruz Suwan",
    ),
    (
        "Leilani Tane Aroha Sefa Mahina Wiremu Citlali Tupaq Killa Nayeli",
        "Kealoha Ngata Tuala Parata Quispe Mamani Xicotencatl Faleolo Tamihana",
    ),
)
"""First names and last names that are used together, each a line of words."""

UNFOLDED: Final = str.maketrans(
    {"ł": "l", "ø": "o", "ß": "ss", "þ": "th", "ı": "i", "đ": "d", "ð": "d", "æ": "ae", "’": ""}  # noqa: RUF001
)
"""Letters that have no plain letter inside, as they are written in an e-mail address."""
